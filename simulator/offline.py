"""The queue of transaction messages: kept while offline, delivered in order, one at a time.

It knows nothing of OCPP versions. A message is rendered when it is sent, because a 1.6 message
needs the transactionId that the answer to an earlier one brings; its timestamps were fixed before.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass
class QueuedMessage:
    """One message that must arrive.

    `render` builds the request, `settle` takes its answer. `attempted` is set once the first try
    had an outcome; `offline` tells whether it was queued without a connection. `message_id` is for
    stations that send a message again under the id that it had, `is_forgotten` for such as lose what they queued.
    """

    transaction_key: str
    action: str
    render: Callable[["QueuedMessage"], Any]
    settle: Callable[[Any], None] = lambda _: None
    offline: bool = False
    attempts: int = 0
    message_id: str = field(default_factory=lambda: str(uuid4()))
    is_forgotten: bool = False
    attempted: asyncio.Event = field(default_factory=asyncio.Event)


class OfflineQueue:
    """First in, first out; the head leaves only when it was acknowledged or given up. `given_up` counts the latter."""

    def __init__(self) -> None:
        self._messages: deque[QueuedMessage] = deque()
        self._changed = asyncio.Event()
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._messages)

    def append(self, message: QueuedMessage) -> None:
        """Put a message behind all others."""
        self._messages.append(message)
        self._wake()

    def holds(self, transaction_key: str | None = None) -> bool:
        """Whether messages (of one transaction) still wait; GetTransactionStatus asks this."""
        return any(transaction_key is None or message.transaction_key == transaction_key for message in self._messages)

    def count(self, transaction_key: str) -> int:
        """How many messages of a transaction wait."""
        return sum(message.transaction_key == transaction_key for message in self._messages)

    def forget(self, transaction_key: str) -> None:
        """Lose the messages of a transaction, the one under way as well."""
        for message in self._messages:
            message.is_forgotten = message.transaction_key == transaction_key
        self._messages = deque(message for message in self._messages if not message.is_forgotten)
        self._wake()

    async def head(self) -> QueuedMessage:
        """The oldest message, left in place; waits until there is one."""
        while not self._messages:
            await self._change()
        return self._messages[0]

    def reverse(self) -> None:
        """Put the newest message first: what stations with a stack instead of a queue do."""
        self._messages.reverse()

    def settle(self, message: QueuedMessage, answer: Any) -> None:
        """The head was acknowledged: hand its answer on and let the next one move up."""
        self._remove(message)
        message.settle(answer)
        message.attempted.set()

    def give_up(self, message: QueuedMessage) -> None:
        """The head failed too often: drop it, so that later ones are not held up for ever."""
        self._remove(message)
        self.given_up += not message.is_forgotten
        message.attempted.set()

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        while self._messages:
            await self._change()

    def _remove(self, message: QueuedMessage) -> None:
        if message.is_forgotten:
            return
        if not self._messages or self._messages[0] is not message:
            raise ValueError("only the head of the queue can leave it")
        self._messages.popleft()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        await self._changed.wait()
