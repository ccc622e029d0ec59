"""Has a charge point fetch firmware and offer it to others in its network."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind, check_location, check_md5, check_tries


def check(body: Body, violations: Violations) -> None:
    """The firmware is a file of the platform, or lies elsewhere and its checksum is said."""
    has_file, has_location = bool(body.get("file_id")), bool(body.get("location"))
    violations.check(has_file != has_location, "fileId", "give this or location")
    violations.check(has_file or bool(body.get("checksum")), "checksum", "goes with location")
    check_md5(body, violations)
    check_location(body, violations)
    check_tries(body, violations)


KIND = CommandKind(check=check, moves_file=True)
