"""Tells a charge point what a transaction costs. It has no effect but that it is shown."""

from services.kernel.money import Money
from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind, check_transaction


def check(body: Body, violations: Violations) -> None:
    check_transaction(body, violations)
    cost = body.get("total_cost", {})
    violations.parsed(
        "totalCost",
        # JSON writes large numbers as text.
        lambda: Money.from_units_nanos(
            cost.get("currency_code", ""), int(cost.get("units", 0)), int(cost.get("nanos", 0))
        ),
    )


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check, is_about_transaction=True)
