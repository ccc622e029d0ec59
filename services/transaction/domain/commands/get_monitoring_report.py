"""Asks which monitors there are."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind
from services.transaction.domain.commands.get_report import check_component_variables


def check(body: Body, violations: Violations) -> None:
    """Without anything all monitors are meant."""
    check_component_variables(body, violations)


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check)
