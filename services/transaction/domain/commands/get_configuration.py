"""Reads settings."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind


def check(body: Body, violations: Violations) -> None:
    """Without keys all settings are meant; an empty key is none."""
    violations.check(all(body.get("keys", ())), "keys", "must not be empty")


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check)
