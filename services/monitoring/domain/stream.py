"""Event streams: what a reader may ask for, and the items that come."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.kernel.errors import DomainError
from services.kernel.validation import Violations

_NOUN = re.compile(r"[a-z][a-z_]{0,49}")
_MOST_NOUNS = 20
_LONGEST_ENTITY = 100
_GREATEST_CURSOR = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """Events of `nouns`, of `entity_id` (empty for all) and of a tenant (None for all) that come after the place
    `after` of the stream.

    `after` is None for the next event and 0 for the oldest that is kept; `max_events` 0 is without an end.
    """

    after: int | None
    nouns: Sequence[str]
    entity_id: str
    max_events: int
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamItem:
    """One item: an event, a sign of life (neither event, error nor end), or the last item. `cursor` is its place."""

    cursor: int
    event: bytes | None = None
    error: DomainError | None = None
    end: bool = False


def stream_request(
    cursor: str, nouns: Sequence[str], entity_id: str, max_events: int, tenant_id: str | None = None
) -> StreamRequest:
    """What a reader asks for. Raises: INVALID_FIELD."""
    violations = Violations()
    is_number = cursor.isascii() and cursor.isdigit() and len(cursor) < 20 and int(cursor) <= _GREATEST_CURSOR
    violations.check(not cursor or is_number, "cursor", "was not made by this stream")
    violations.check(len(nouns) <= _MOST_NOUNS, "nouns", f"must be at most {_MOST_NOUNS}")
    violations.check(all(_NOUN.fullmatch(noun) for noun in nouns), "nouns", "must be of letters a-z and _")
    violations.text("entityId", entity_id, longest=_LONGEST_ENTITY)
    violations.check(max_events >= 0, "maxEvents", "must not be negative")
    violations.raise_if_any()
    return StreamRequest(
        after=int(cursor) if cursor else None,
        nouns=tuple(nouns),
        entity_id=entity_id,
        max_events=max_events,
        tenant_id=tenant_id,
    )
