"""Says how bad an event must be to be notified."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind


def check(body: Body, violations: Violations) -> None:
    violations.check(0 <= body.get("severity", -1) <= 9, "severity", "must be 0 to 9")


KIND = CommandKind(check=check)
