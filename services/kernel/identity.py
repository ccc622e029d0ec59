"""What a charge point may be called: one rule for the edge, the services, callers and the simulator.

OCPP-J 1.6 section 3.1.1 takes any string and percent-encodes it in the URL (its example is `RDAM 123`); OCPP 2.0.1
part 4 section 3.1.1 takes 48 characters of identifierString. A charge point keeps its identity when it learns a newer
version, so what either allows is allowed, but for what cannot be told apart by people or means something else in a URL.
"""

import re
import unicodedata
from enum import StrEnum

LONGEST_IDENTITY = 48
_RESERVED = frozenset('%\\?#"<>')
# Nearly all are of this form, and every report of the edge is looked at.
_USUAL = re.compile(r"[A-Za-z0-9*\-_=:+|@]{1,48}").fullmatch


class IdentityRule(StrEnum):
    """The parts of the rule, by the names under which they refuse."""

    LENGTH = "identity_length"
    PRINTABLE = "identity_printable"
    EDGES = "identity_edges"
    RESERVED = "identity_reserved"
    PARTS = "identity_parts"


_DEMANDS = {
    IdentityRule.LENGTH: f"must have 1 to {LONGEST_IDENTITY} characters",
    IdentityRule.PRINTABLE: "must have printable characters only",
    IdentityRule.EDGES: "must not begin or end with a space",
    IdentityRule.RESERVED: 'must not contain any of % \\ ? # " < >',
    IdentityRule.PARTS: "must not have an empty part, . or .. between slashes",
}


class InvalidIdentity(ValueError):
    """A text that no charge point may be called; its message ends with the name of the rule."""

    def __init__(self, rule: IdentityRule) -> None:
        super().__init__(f"{_DEMANDS[rule]} ({rule})")
        self.rule = rule


def identity_of(text: str) -> str:
    """The identity that `text` says, its letters composed: two that look alike are one (Unicode form NFC).

    Raises: InvalidIdentity.
    """
    if _USUAL(text):
        return text
    identity = composed(text)
    rule = _broken(identity)
    if rule is not None:
        raise InvalidIdentity(rule)
    return identity


def composed(text: str) -> str:
    """`text` with its letters and their marks in one, as identities are; as it is when it is too long for one."""
    # Composing takes its time.
    return unicodedata.normalize("NFC", text) if len(text) <= 4 * LONGEST_IDENTITY else text


def is_identity(text: str) -> bool:
    """Whether a charge point may be called just this."""
    return _USUAL(text) is not None or (_broken(text) is None and unicodedata.is_normalized("NFC", text))


def _broken(identity: str) -> IdentityRule | None:
    """The first part of the rule that `identity` breaks."""
    if not 0 < len(identity) <= LONGEST_IDENTITY:
        return IdentityRule.LENGTH
    # Of the separators only the space is printable; controls, joiners and marks of direction are not.
    if not identity.isprintable():
        return IdentityRule.PRINTABLE
    if identity != identity.strip():
        return IdentityRule.EDGES
    if not _RESERVED.isdisjoint(identity):
        return IdentityRule.RESERVED
    if any(part in ("", ".", "..") for part in identity.split("/")):
        return IdentityRule.PARTS
    return None
