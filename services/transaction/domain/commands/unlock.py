"""Unlocks a connector."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind, check_place


def check(body: Body, violations: Violations) -> None:
    """Nobody unlocks the whole charge point."""
    check_place(body, violations, least_connector=1)


KIND = CommandKind(priority=CommandPriority.URGENT, check=check)
