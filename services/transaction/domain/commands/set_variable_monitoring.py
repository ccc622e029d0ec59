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
        violations.check(0 <= one.get("severity", 0) <= 9, f"{place}.severity", "must be 0 to 9")


KIND = CommandKind(check=check)
