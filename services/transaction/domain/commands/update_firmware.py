"""Has a charge point fetch and install firmware."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind, check_location, check_tries


def check(body: Body, violations: Violations) -> None:
    """The firmware is a file of the platform, or lies elsewhere."""
    has_file, has_location = bool(body.get("file_id")), bool(body.get("location"))
    violations.check(has_file != has_location, "fileId", "give this or location")
    check_location(body, violations)
    check_tries(body, violations)
    is_signed = bool(body.get("signature")) == bool(body.get("signing_certificate"))
    violations.check(is_signed, "signature", "goes with signingCertificate, and that with it")


KIND = CommandKind(check=check, moves_file=True)
