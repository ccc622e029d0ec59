"""Has a charge point send a log."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind, check_location, check_tries


def check(body: Body, violations: Violations) -> None:
    check_location(body, violations)
    check_tries(body, violations)


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check, moves_file=True)
