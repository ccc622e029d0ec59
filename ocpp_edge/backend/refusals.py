"""Tells the station service who was refused: counted by identity, rule and address, every few seconds.

Off the path of handshakes, and bounded: a flood of unknown charge points costs the platform so many rows a
report and no more.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from csms.station.v1.connectivity_service_pb2 import RefusedHandshakes
from csms.station.v1.refusal_pb2 import Refusal
from ocpp_edge.admission.refusal import RefusalNote
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.refusal import Rule
from services.process import metrics
from services.process.heartbeats import repeat
from services.process.stirring import AT_REST_SECONDS, Rest
from services.rpc.protobuf import write_time

logger = logging.getLogger(__name__)

_REPORT_SECONDS = 2.0
# The contract allows 1000 in a report.
_MOST_IN_REPORT = 500
_MOST_WAITING = 2_000
_LONGEST_TEXT = 300

Report = Callable[[Sequence[RefusedHandshakes]], Awaitable[None]]


@dataclass(slots=True)
class _Count:
    """Refusals of one identity by one rule from one address; `note` is the latest."""

    note: RefusalNote
    first: datetime
    last: datetime
    count: int = 0
    guesses: set[bytes] = field(default_factory=set)


class RefusalReporter:
    """Gathers refusals and reports them. `report` stores them for good; it raises DomainError when it did not."""

    def __init__(self, report: Report, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._waiting: dict[tuple[str, Rule, str], _Count] = {}
        self._rest = Rest()
        self._counters = {rule: _counter(rule) for rule in Rule}
        self._forgotten = metrics.counter("ocpp_refusals_forgotten_total", "Refusals that came too thick to be told.")

    def note(self, note: RefusalNote) -> None:
        """Take in a refusal. Never waits."""
        self._counters[note.rule].add()
        key, now = (note.identity, note.rule, note.address), self._clock.now()
        count = self._waiting.get(key)
        if count is None:
            if len(self._waiting) >= _MOST_WAITING:
                self._forgotten.add()
                return
            count = self._waiting[key] = _Count(note, now, now)
            self._rest.stir()
        count.note, count.last = note, now
        count.count += 1
        if note.guess:
            count.guesses.add(note.guess)

    async def run(self) -> None:
        """Report for ever; what cannot be told waits."""
        await repeat(self._flush_and_wait, _REPORT_SECONDS, _REPORT_SECONDS, self._rest)

    async def flush(self) -> None:
        """Report all that waits. Raises DomainError when that fails; then it waits still."""
        while self._waiting:
            keys = list(self._waiting)[:_MOST_IN_REPORT]
            taken = {key: self._waiting.pop(key) for key in keys}
            try:
                await self._report([_message(count) for count in taken.values()])
            except DomainError as error:
                if error.kind is not ErrorKind.INVALID_ARGUMENT:
                    self._take_back(taken)
                    raise
                # What cannot be taken must not hold up all that follows.
                logger.error("refusals are not taken by the station service: %s", error.message)

    async def _flush_and_wait(self) -> float:
        await self.flush()
        return AT_REST_SECONDS

    def _take_back(self, taken: dict[tuple[str, Rule, str], _Count]) -> None:
        for key, count in taken.items():
            newer = self._waiting.get(key)
            if newer is not None:
                count.note, count.last = newer.note, newer.last
                count.count += newer.count
                count.guesses |= newer.guesses
            self._waiting[key] = count


def _message(count: _Count) -> RefusedHandshakes:
    note = count.note
    message = RefusedHandshakes(
        identity=note.identity,
        rule=Refusal.Rule.Value(note.rule),
        remote_address=note.address,
        detail=note.reason[:_LONGEST_TEXT],
        offered_protocols=note.offers,
        path=note.path,
        count=count.count,
        guess_count=len(count.guesses),
    )
    write_time(count.first, message.first_time)
    write_time(count.last, message.last_time)
    return message


def _counter(rule: Rule) -> metrics.Counter:
    return metrics.counter("ocpp_handshakes_refused_total", "Handshakes refused, by rule.", rule=rule.lower())
