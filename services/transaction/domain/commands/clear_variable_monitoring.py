"""Takes monitors away."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind

_MOST_MONITORS = 200


def check(body: Body, violations: Violations) -> None:
    numbers = body.get("monitor_ids", ())
    violations.check(1 <= len(numbers) <= _MOST_MONITORS, "monitorIds", f"must be 1 to {_MOST_MONITORS}")
    violations.check(len(set(numbers)) == len(numbers), "monitorIds", "must not have one twice")


KIND = CommandKind(check=check)
