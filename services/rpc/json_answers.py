"""Pages that a service answers as JSON by itself, in the place of Envoy, which would write each resource anew (ADR 81).

Envoy asks for it where it has a route for such a page (`x-csms-answer`), and takes JSON for what it is; whoever calls
by gRPC gets the message that the contract says. A resource is written once and kept as text for as long as its rows are
as they were. Knows no resource.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

import orjson
from google.protobuf.message import Message

from services.kernel.pagination import Head, Page
from services.rpc import json_text, visibility
from services.rpc.auth import current_caller

_Answer = TypeVar("_Answer", bound=Message)

ANSWER_KEY = "x-csms-answer"
"""The header by which Envoy asks for JSON. What callers say there is dropped."""
JSON = "json"

# What is not told by the rows that a version is made of shows after this time.
_KEPT_SECONDS = 5.0
_MOST_KEPT = 2_000


class JsonAnswer(NamedTuple):
    """An answer in place of a message. Whoever makes it has hidden what its caller is not told."""

    text: bytes


class Item(NamedTuple):
    """A resource as callers see it. One that changes without its rows is not `lasting`, and kept for nobody."""

    head: Head
    message: Message
    lasting: bool = True


Fetch = Callable[[Sequence[str]], Awaitable[Iterable[Item]]]
"""The resources of these ids that are there."""


def serializer(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes]:
    """`serialize`, but that it lets JSON through."""
    if serialize is None:
        raise TypeError("an answer has no message type")
    return lambda answer: answer.text if type(answer) is JsonAnswer else serialize(answer)


class _Kept(NamedTuple):
    version: str
    until: float
    text: bytes


class JsonPages(Generic[_Answer]):
    """The pages of one list. `answer` is the type of its messages: the resources, `next_page_token`, `total_size`."""

    def __init__(self, answer: type[_Answer], clock: Callable[[], float] = time.monotonic) -> None:
        members = answer.DESCRIPTOR.fields_by_name
        [items] = [member for member in members.values() if member.is_repeated]
        token, total = (orjson.dumps(members[name].json_name) for name in ("next_page_token", "total_size"))
        self._form = b'{"%b":[%%b],%b:%%b,%b:%%d}' % (items.json_name.encode(), token, total)
        self._clock = clock
        # By role, too: not every one is told all of a resource.
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def answer(self, page: Page[Head], fetch: Fetch) -> _Answer:
        """The page of these resources: a JsonAnswer, for handlers, which are declared to answer the message.

        Those that are not kept are fetched, and left out when they are gone by now.
        """
        role, now = current_caller().role, self._clock()
        texts: dict[str, bytes] = {}
        missing: list[str] = []
        for head in page.items:
            kept = self._kept.get((role, head.id))
            if kept is not None and kept.version == head.version and now < kept.until:
                texts[head.id] = kept.text
            else:
                missing.append(head.id)
        if missing:
            for item in await fetch(missing):
                texts[item.head.id] = self._write(item, now)
        found = [texts[head.id] for head in page.items if head.id in texts]
        text = self._form % (b",".join(found), orjson.dumps(page.next_token), page.total_size)
        return cast(_Answer, JsonAnswer(text))

    def _write(self, item: Item, now: float) -> bytes:
        caller = current_caller()
        visibility.hide(item.message, caller)
        text = json_text.written(item.message)
        if item.lasting:
            key = caller.role, item.head.id
            self._kept[key] = _Kept(item.head.version, now + _KEPT_SECONDS, text)
            self._kept.move_to_end(key)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return text
