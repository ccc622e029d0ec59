"""Has a charge point send a log."""

from datetime import datetime

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind, check_location, check_tries


def check(body: Body, violations: Violations) -> None:
    check_location(body, violations)
    check_tries(body, violations)
    oldest, latest = (body.get(name) for name in ("oldest_time", "latest_time"))
    is_span = not oldest or not latest or datetime.fromisoformat(oldest) <= datetime.fromisoformat(latest)
    violations.check(is_span, "latestTime", "must not be before oldestTime")


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check, moves_file=True)
