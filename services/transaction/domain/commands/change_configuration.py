"""Changes a setting."""

from services.kernel.errors import invalid
from services.kernel.redaction import is_login_password, sets_login_password
from services.kernel.validation import Violations
from services.transaction.domain.command import ROTATE_PASSWORD
from services.transaction.domain.command_kind import Body, CommandKind
from services.transaction.domain.commands.rotate_password import check_password


def check(body: Body, violations: Violations) -> None:
    violations.text("key", body.get("key", ""), longest=101)
    violations.text("value", body.get("value", ""), longest=2500)


def meant(kind: str, body: Body) -> tuple[str, Body]:
    """Whoever sets the password by which a charge point logs in, rotates it. Raises: INVALID_FIELD."""
    if not sets_login_password(body.get("key", "")):
        return kind, body
    if not is_login_password(body["key"]):
        raise invalid("key", "is the password of the charge point; use /charge-points/{id}/rotate-password")
    violations, password = Violations(), body.get("value", "")
    check_password("value", password, violations)
    violations.raise_if_any()
    return ROTATE_PASSWORD, {"password": password}


KIND = CommandKind(check=check, meant=meant)
