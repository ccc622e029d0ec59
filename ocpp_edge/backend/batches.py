"""One batch RPC of a service as a call for a single item: gathered, sent, and each told what became of its own.

Knows no RPC; the answers carry an `error` of csms.error.v1.ItemError or are good.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import Generic, Literal, Protocol, TypeVar

from csms.error.v1.error_reason_pb2 import ItemError
from services.kernel.errors import DomainError
from services.process.batching import Batcher
from services.rpc.status import from_item_error

# The contracts allow 1000 items and 8 MiB; smaller batches are answered sooner.
_MAX_ITEMS = 256
_MAX_BYTES = 4 * 1024 * 1024
_MAX_QUEUE = 50_000
_MAX_IN_FLIGHT = 2
# The least time from call to call when items come thick: no charge point notices, and each costs both sides as much as
# some ten of its items.
_LINGER_SECONDS = 0.005
# They do when so many have gathered by themselves while the call before was under way. What comes alone goes at once.
_DENSE_FROM = 3


class Item(Protocol):
    """A message that can say how large it is."""

    def ByteSize(self) -> int: ...


class Answer(Protocol):
    """The answer to one item; `error` is set when the item failed."""

    @property
    def error(self) -> ItemError: ...

    def HasField(self, name: Literal["error"], /) -> bool: ...


_Item = TypeVar("_Item", bound=Item)
_Answer = TypeVar("_Answer", bound=Answer)


class BatchCall(Generic[_Item, _Answer]):
    """Sends items through `call`, which takes a list and answers in its order.

    Items of one `key` never share a batch. An RPC that fails, fails each of its items; `failed` is told of items that
    failed by themselves. Batches that are not full start `linger_seconds` apart; by default 5 ms, if items come thick.
    Made inside a running event loop.
    """

    def __init__(
        self,
        name: str,
        call: Callable[[list[_Item]], Awaitable[Sequence[_Answer]]],
        key: Callable[[_Item], Hashable],
        failed: Callable[[_Item, DomainError], None] | None = None,
        linger_seconds: float | None = None,
    ) -> None:
        self._call = call
        self._key = key
        self._failed = failed
        self._batcher: Batcher[_Item, _Answer] = Batcher(
            self._send,
            max_items=_MAX_ITEMS,
            max_queue=_MAX_QUEUE,
            max_in_flight=_MAX_IN_FLIGHT,
            linger_seconds=_LINGER_SECONDS if linger_seconds is None else linger_seconds,
            dense_from=_DENSE_FROM if linger_seconds is None else 0,
            size_of=_size,
            max_bytes=_MAX_BYTES,
            name=name,
        )

    def submit(self, item: _Item) -> Awaitable[_Answer]:
        """Queue `item`; await what is returned for its answer. Both raise DomainError."""
        return self._batcher.submit(item)

    def waiting_seconds(self) -> float:
        """About how long an item submitted now waits for its answer."""
        return self._batcher.waiting_seconds()

    async def close(self) -> None:
        """Send what waits, and refuse what comes after."""
        await self._batcher.close()

    async def _send(self, items: list[_Item]) -> list[_Answer | Exception]:
        keys = [self._key(item) for item in items]
        if len(set(keys)) == len(keys):
            return await self._sent(items)
        results: dict[int, _Answer | Exception] = {}
        for positions in _rounds(keys):
            batch = [items[position] for position in positions]
            for position, result in zip(positions, await self._sent(batch), strict=True):
                results[position] = result
        return [results[position] for position in range(len(items))]

    async def _sent(self, batch: list[_Item]) -> list[_Answer | Exception]:
        try:
            answers = await self._call(batch)
        except DomainError as error:
            return [error] * len(batch)
        return [self._judged(item, answer) for item, answer in zip(batch, answers, strict=True)]

    def _judged(self, item: _Item, answer: _Answer) -> _Answer | Exception:
        if not answer.HasField("error"):
            return answer
        error = from_item_error(answer.error)
        if self._failed is not None:
            self._failed(item, error)
        return error


def _rounds(keys: Sequence[Hashable]) -> Iterator[Sequence[int]]:
    """Positions of the items of each batch: an old connection's last word may wait beside a new one's first."""
    waiting = list(range(len(keys)))
    while waiting:
        seen: set[Hashable] = set()
        now: list[int] = []
        later: list[int] = []
        for position in waiting:
            (later if keys[position] in seen else now).append(position)
            seen.add(keys[position])
        yield now
        waiting = later


def _size(item: Item) -> int:
    return item.ByteSize()
