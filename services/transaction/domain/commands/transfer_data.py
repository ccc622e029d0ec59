"""Sends a vendor's own message."""

from services.kernel.validation import Violations
from services.transaction.domain.command_kind import Body, CommandKind


def check(body: Body, violations: Violations) -> None:
    violations.text("vendorId", body.get("vendor_id", ""), longest=255)
    violations.text("messageId", body.get("message_id", ""), longest=50)


KIND = CommandKind(check=check)
