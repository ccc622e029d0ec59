"""Has variables watched."""

from services.kernel.redaction import is_secret
from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind

_MOST_MONITORS = 200


def check(body: Body, violations: Violations) -> None:
    """Whether a value makes sense for the variable is for the charge point to say."""
    monitors = body.get("monitors", ())
    violations.check(1 <= len(monitors) <= _MOST_MONITORS, "monitors", f"must be 1 to {_MOST_MONITORS}")
    for position, one in enumerate(monitors[:_MOST_MONITORS]):
        place = f"monitors[{position}]"
        for part in ("component", "variable"):
            violations.text(f"{place}.{part}.name", one.get(part, {}).get("name", ""), longest=50, shortest=1)
            violations.text(f"{place}.{part}.instance", one.get(part, {}).get("instance", ""), longest=50)
        secret = is_secret(one.get("variable", {}).get("name", ""))
        violations.check(not secret, f"{place}.variable.name", "is a secret, and nothing about it can be told")
        violations.check("type" in one, f"{place}.type", "must be set")
        # Left out it would be 0, the worst.
        violations.check(0 <= one.get("severity", -1) <= 9, f"{place}.severity", "must be 0 to 9")
        # N04.FR.14 (OCPP 2.0.1), and seconds between two reports.
        type_, value = one.get("type", ""), one.get("value", 0.0)
        violations.check(type_ != "DELTA" or value >= 0, f"{place}.value", "must not be negative")
        violations.check(not type_.startswith("PERIODIC") or value >= 1, f"{place}.value", "must be at least a second")


KIND = CommandKind(check=check)
