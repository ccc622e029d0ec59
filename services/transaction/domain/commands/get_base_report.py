"""Asks for a report of all variables, or of many."""

from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import CommandKind

KIND = CommandKind(priority=CommandPriority.BACKGROUND)
