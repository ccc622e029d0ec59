"""Asks whether a transaction goes on. The answer is evidence (ADR 45), and comes in as such."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind, check_transaction


def check(body: Body, violations: Violations) -> None:
    """Without a transaction it asks whether any messages wait (OCPP 2.0.1 part 2, use case E14)."""
    if body.get("transaction_id") or body.get("ocpp_transaction_id"):
        check_transaction(body, violations)


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check, is_about_transaction=True)
