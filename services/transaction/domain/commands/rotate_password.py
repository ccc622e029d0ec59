"""Gives a charge point a new password to log in by."""

from secrets import token_hex

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind

_SHORTEST_PASSWORD, _LONGEST_PASSWORD, _GENERATED_BYTES = 16, 40, 20


def check(body: Body, violations: Violations) -> None:
    if "password" in body:
        check_password("password", body["password"], violations)


def check_password(field: str, password: str, violations: Violations) -> None:
    """A password that OCPP allows, wherever the caller said it."""
    violations.text(field, password, longest=_LONGEST_PASSWORD, shortest=_SHORTEST_PASSWORD)


def meant(kind: str, body: Body) -> tuple[str, Body]:
    """A password that is left out is generated."""
    return kind, body if "password" in body else {"password": token_hex(_GENERATED_BYTES)}


KIND = CommandKind(check=check, meant=meant)
