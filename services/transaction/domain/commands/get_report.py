"""Asks for a report of some variables."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind

_MOST_REPORTED = 100


def check(body: Body, violations: Violations) -> None:
    """What a report shall be about must be said: all of it is what a base report is for."""
    requested = body.get("component_variables", ())
    violations.check(
        bool(requested or body.get("component_criteria")), "componentVariables", "must be set, or the criteria"
    )
    check_component_variables(body, violations)


def check_component_variables(body: Body, violations: Violations) -> None:
    """Components and variables to report, each with a name."""
    requested = body.get("component_variables", ())
    violations.check(len(requested) <= _MOST_REPORTED, "componentVariables", f"must be at most {_MOST_REPORTED}")
    for position, one in enumerate(requested[:_MOST_REPORTED]):
        place = f"componentVariables[{position}]"
        violations.check(bool(one.get("component", {}).get("name")), f"{place}.component.name", "must be set")
        is_named = "variable" not in one or bool(one["variable"].get("name"))
        violations.check(is_named, f"{place}.variable.name", "must be set")


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check)
