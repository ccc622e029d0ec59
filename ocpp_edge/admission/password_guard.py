"""Slows those down who try passwords or identities, without locking anybody out who has the right ones.

Who shows wrong passwords of one charge point from one address has to wait, longer each time; the charge point itself,
elsewhere, does not. Who tries many from one address is let try so many a second; charge points that were let in from
there are not counted among them. Knows neither sockets nor who decides.
"""

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from http import HTTPStatus
from math import ceil
from typing import TypeVar

from ocpp_edge.admission.admission_control import Accepted, Admit
from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.refusal import Refusal
from services.kernel.refusal import Rule

# Wrong passwords of a charge point that cost nothing: somebody sets it up.
_FREE_TRIES = 5
_LONGEST_WAIT_SECONDS = 60.0
# Different passwords and identities from one address before it is slowed down, and how many a second it may try then.
_FREE_GUESSES = 100
_GUESSES_PER_SECOND = 10.0
_MEMORY_SECONDS = 3600.0
_MOST_REMEMBERED = 20_000
_GUESS_BYTES = 8
_MOST_GUESSES_KEPT = 32

Pair = tuple[str, str]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Tries:
    """What came in vain: how often, which guesses, and until when the next has to wait."""

    last: float
    count: int = 0
    guesses: set[bytes] = field(default_factory=set)
    until: float = 0.0


@dataclass(slots=True)
class _Bucket:
    """How many different guesses came from an address, and what it may try at once."""

    last: float
    guesses: int = 0
    tokens: float = _GUESSES_PER_SECOND


class WrongTries:
    """What is remembered of tries in vain, by charge point and address; bounded. `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._tries: OrderedDict[Pair, _Tries] = OrderedDict()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        # Who was let in from where, of late.
        self._good: OrderedDict[Pair, None] = OrderedDict()

    def wait_seconds(self, identity: str, address: str) -> int:
        """How long this one has to wait before it is looked at; 0 for not at all."""
        pair = identity, address
        if self._tries and (tries := self._tries.get(pair)) is not None and tries.until > self._monotonic():
            return ceil(tries.until - self._monotonic())
        if self._buckets and pair not in self._good and not self._may_try(address):
            return random.randint(1, 5)
        return 0

    def note(self, identity: str, address: str, guess: bytes) -> bool:
        """A try in vain, here or on another node; without a `guess` it was an identity that nobody has.

        Returns whether the guess is a new one: a charge point that repeats its wrong password guesses nothing.
        """
        is_new = self.guessed(identity, address, guess)
        if guess:
            tries = self._tries[identity, address]
            tries.count += 1
            if tries.count > _FREE_TRIES:
                wait = min(2.0 ** min(tries.count - _FREE_TRIES, 10), _LONGEST_WAIT_SECONDS)
                tries.until = self._monotonic() + wait
        return is_new

    def guessed(self, identity: str, address: str, guess: bytes) -> bool:
        """Remember a guess that was not looked at; whether it is a new one."""
        now = self._monotonic()
        tries = _remembered(self._tries, (identity, address), lambda: _Tries(now))
        if now - tries.last > _MEMORY_SECONDS:
            tries.count, tries.guesses = 0, set()
        tries.last = now
        if guess in tries.guesses:
            return False
        # Who has tried so many is no charge point with a wrong password: there is nothing more to tell apart.
        if len(tries.guesses) < _MOST_GUESSES_KEPT:
            tries.guesses.add(guess)
            self._count_guess(address, now)
        return True

    def confirm(self, identity: str, address: str) -> None:
        """It was let in: what came in vain from there was no attack."""
        pair = identity, address
        self._tries.pop(pair, None)
        _remembered(self._good, pair, lambda: None)

    def _count_guess(self, address: str, now: float) -> None:
        bucket = _remembered(self._buckets, address, lambda: _Bucket(now))
        if now - bucket.last > _MEMORY_SECONDS:
            bucket.guesses = 0
        bucket.guesses += 1

    def _may_try(self, address: str) -> bool:
        bucket = self._buckets.get(address)
        if bucket is None or bucket.guesses <= _FREE_GUESSES:
            return True
        now = self._monotonic()
        if now - bucket.last > _MEMORY_SECONDS:
            del self._buckets[address]
            return True
        bucket.tokens = min(bucket.tokens + (now - bucket.last) * _GUESSES_PER_SECOND, _GUESSES_PER_SECOND)
        bucket.last = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class Guard:
    """Stands before `admit`: turns away who has to wait, and learns from what became of the others.

    `tell` hands each try in vain to the other nodes; `secret`, the same on all of them, keeps what stands for a
    password from being guessed back.
    """

    def __init__(
        self, admit: Admit, tries: WrongTries, tell: Callable[[str, str, bytes], None], secret: str = ""
    ) -> None:
        self._admit = admit
        self._tries = tries
        self._tell = tell
        self._key = blake2b(secret.encode()).digest()
        # Of one charge point from one address so many are looked at side by side: the others would all be free.
        self._under_way: dict[Pair, int] = {}

    async def admit(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        """As `admit`; 429 for who has to wait."""
        pair = connection_request.charge_point_id, connection_request.peer.address
        wait = self._tries.wait_seconds(*pair)
        under_way = self._under_way.get(pair, 0)
        if wait or under_way >= _FREE_TRIES:
            return self._turned_away(connection_request, wait or 1)
        self._under_way[pair] = under_way + 1
        try:
            answer = await self._admit(connection_request)
        finally:
            self._leave(pair)
        if isinstance(answer, Accepted):
            self._tries.confirm(*pair)
            return answer
        return self._learn(connection_request, answer)

    def _learn(self, connection_request: ConnectionRequest, refusal: Refusal) -> Refusal:
        if refusal.rule not in (Rule.WRONG_PASSWORD, Rule.UNKNOWN_IDENTITY):
            return refusal
        guess = self._guess(connection_request) if refusal.rule is Rule.WRONG_PASSWORD else b""
        about = connection_request.charge_point_id, connection_request.peer.address, guess
        is_new = self._tries.note(*about)
        self._tell(*about)
        return replace(refusal, guess=guess) if is_new else refusal

    def _turned_away(self, connection_request: ConnectionRequest, wait_seconds: int) -> Refusal:
        reason = f"too many attempts in vain; try again in {wait_seconds} s"
        guess = self._guess(connection_request)
        if guess and not self._tries.guessed(
            connection_request.charge_point_id, connection_request.peer.address, guess
        ):
            guess = b""
        return Refusal(HTTPStatus.TOO_MANY_REQUESTS, Rule.TOO_MANY_ATTEMPTS, reason, wait_seconds, guess)

    def _guess(self, connection_request: ConnectionRequest) -> bytes:
        """What stands for the password that was shown; nothing without one."""
        if connection_request.password is None:
            return b""
        return blake2b(connection_request.password, key=self._key, digest_size=_GUESS_BYTES).digest()

    def _leave(self, pair: Pair) -> None:
        left = self._under_way[pair] - 1
        if left:
            self._under_way[pair] = left
        else:
            del self._under_way[pair]


def _remembered(entries: "OrderedDict[K, V]", key: K, make: Callable[[], V]) -> V:
    """The entry of `key`, made where there is none; the one that was asked for longest ago makes room."""
    if key in entries:
        entries.move_to_end(key)
        return entries[key]
    entry = entries[key] = make()
    if len(entries) > _MOST_REMEMBERED:
        entries.popitem(last=False)
    return entry
