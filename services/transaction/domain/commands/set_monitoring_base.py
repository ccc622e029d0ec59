"""Says which monitors from the factory count."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind


def check(body: Body, violations: Violations) -> None:
    violations.check("base" in body, "base", "must be set")


KIND = CommandKind(check=check)
