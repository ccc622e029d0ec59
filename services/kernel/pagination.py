"""Pages of lists: what a caller may ask for, and the opaque token that leads to the next one.

Knows no database; pages of a SELECT are made in `keyset`.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from services.kernel.errors import DomainError, invalid

_Item = TypeVar("_Item")
_Other = TypeVar("_Other")

DEFAULT_SIZE = 50
MAX_SIZE = 250
_MAX_TOKEN = 1000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page asked for: at most `size` items that come after the sort key `after`; from the start without one."""

    size: int = DEFAULT_SIZE
    after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """A page. `next_token` is empty on the last one; `total_size` counts the whole list, as far as it is counted."""

    items: Sequence[_Item]
    next_token: str
    total_size: int

    def map(self, to_other: Callable[[_Item], _Other]) -> "Page[_Other]":
        """The same page with every item turned into something else."""
        return Page([to_other(item) for item in self.items], self.next_token, self.total_size)


class Head(NamedTuple):
    """Which item stands in a list, and which version of it: another one with every change of its rows."""

    id: str
    version: str


def page_request(page_size: int, page_token: str) -> PageRequest:
    """From the fields of a list request: size 0 means 50, more than 250 means 250.

    Raises DomainError INVALID_ARGUMENT for a negative size or a token that no list has made.
    """
    if page_size < 0:
        raise invalid("pageSize", "must not be negative")
    return PageRequest(min(page_size, MAX_SIZE) or DEFAULT_SIZE, _decode(page_token) if page_token else None)


def next_token(key: Sequence[str]) -> str:
    """The token of the page that begins after the item with this sort key."""
    return (
        base64.urlsafe_b64encode(json.dumps(list(key), ensure_ascii=False, separators=(",", ":")).encode())
        .rstrip(b"=")
        .decode()
    )


def bad_token() -> DomainError:
    """The failure of a request whose token was not made by its list."""
    return invalid("pageToken", "is not a token of this list", reason="INVALID_PAGE_TOKEN")


def _decode(token: str) -> tuple[str, ...]:
    if len(token) > _MAX_TOKEN:
        raise bad_token()
    try:
        key = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise bad_token() from None
    if not isinstance(key, list) or not key or not all(map(_is_text, key)):
        raise bad_token()
    return tuple(key)


def _is_text(part: object) -> bool:
    """Whether it is text as PostgreSQL keeps it: without NUL and without half a pair of UTF-16."""
    return (
        isinstance(part, str) and "\0" not in part and not any("\ud800" <= character <= "\udfff" for character in part)
    )
