"""Restarts a charge point."""

from services.transaction.domain.command_kind import CommandKind, check_place

KIND = CommandKind(check=check_place, boots=True)
