"""Has a charge point no longer offer firmware to others."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind, check_md5


def check(body: Body, violations: Violations) -> None:
    violations.check(bool(body.get("checksum")), "checksum", "is required")
    check_md5(body, violations)


KIND = CommandKind(check=check)
