"""Takes a connector, or the whole charge point, in or out of operation."""

from services.transaction.domain.command_kind import CommandKind, check_place

KIND = CommandKind(check=check_place)
