"""Empties the authorization cache."""

from services.transaction.domain.command_kind import CommandKind

KIND = CommandKind()
