"""Changes several settings."""

from services.kernel.redaction import sets_login_password
from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind

_MOST_SETTINGS = 200
_PASSWORD = "is the password of the charge point; use /charge-points/{id}/rotate-password"


def check(body: Body, violations: Violations) -> None:
    """The password by which a charge point logs in is rotated, by a command of its own."""
    settings = body.get("settings", ())
    violations.check(1 <= len(settings) <= _MOST_SETTINGS, "settings", f"must be 1 to {_MOST_SETTINGS}")
    seen: set[str] = set()
    for position, one in enumerate(settings[:_MOST_SETTINGS]):
        place, key = f"settings[{position}]", one.get("key", "")
        violations.text(f"{place}.key", key, longest=101)
        violations.check(key.lower() not in seen, f"{place}.key", "is there twice")
        violations.text(f"{place}.value", one.get("value", ""), longest=2500)
        violations.check(not sets_login_password(key), f"{place}.key", _PASSWORD)
        seen.add(key.lower())


KIND = CommandKind(check=check)
