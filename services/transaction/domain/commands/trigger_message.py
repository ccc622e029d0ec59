"""Asks a charge point to send a message now."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind, check_place


def check(body: Body, violations: Violations) -> None:
    check_place(body, violations)
    violations.text("message", body.get("message", ""), longest=50)


KIND = CommandKind(check=check)
