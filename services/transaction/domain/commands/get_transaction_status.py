"""Asks whether a transaction goes on. The answer is evidence (ADR 45), and comes in as such."""

from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import CommandKind, check_transaction

KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check_transaction, is_about_transaction=True)
