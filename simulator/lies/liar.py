"""A charge point's lies at work: what goes over the wire instead of what is true, and the truth beside it.

Sits between a charge point and its transport. What each lie is stands in `catalogue`.
"""

import asyncio
import copy
import json
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from simulator.charge_point import ChargePoint
from simulator.clock import stamp
from simulator.connector import Transaction
from simulator.lies.lie import Kind, Lie
from simulator.lies.message import Message
from simulator.lies.wording import spelled
from simulator.transport import Telling, compact
from simulator.truth import Ending, Truth

_CALL, _CALLRESULT = 2, 3
_RECEIPTS = ("StartTransaction", "StopTransaction", "TransactionEvent")
_REMEMBERED = 200
# Begins the ids of messages that are a lie from beginning to end.
STRAY = "stray-"


class Liar:
    """The lies of one charge point. `attest` takes down what is true.

    `session` is the task in which it charges, `power_ups` when power came, `is_idle` whether it charges no more, and
    `is_gone` whether it has fallen silent for good. `tag` is the card that it charges by without asking, None when it
    asks for its own; `neighbours_tag` is one that may be in use elsewhere. `loses_answers` is the share of answers
    about sessions that it does not hear.
    """

    def __init__(
        self,
        station: ChargePoint,
        lies: Sequence[Lie],
        rng: random.Random,
        attest: Callable[[Truth], None],
        neighbours_tag: str = "",
    ) -> None:
        self.station = station
        # What is badly written afterwards was a lie before.
        self.lies = sorted(lies, key=lambda lie: list(Kind).index(lie.kind))
        self.rng = rng
        self.neighbours_tag = neighbours_tag
        self.power_ups: list[datetime] = [station.clock.now()]
        self.session: asyncio.Task[Any] | None = None
        self.is_idle = False
        self.is_gone = False
        self.tag: str | None = None
        self.loses_answers = 0.0
        self._attest = attest
        self._truths: dict[str, Truth] = {}
        self._transactions: deque[Transaction] = deque(maxlen=_REMEMBERED)
        self._awaited: set[str] = set()
        self._changes = [(lie, lie.change(self)) for lie in self.lies if lie.change is not None]
        for lie in self.lies:
            if lie.prepare is not None:
                lie.prepare(self)
        station.tongue = self
        station.witness = self.note

    @property
    def needs_order(self) -> bool:
        """Whether nobody could make sense of its messages in another order."""
        return any(lie.needs_order for lie in self.lies)

    def begin(self) -> None:
        """Start what it does beside charging."""
        for lie in self.lies:
            if lie.live is not None:
                self.station.spawn(lie.live(self))

    # What is said.

    def telling_of(self, frame: list[Any]) -> Telling:
        """What goes over the wire instead of a frame."""
        if frame[0] != _CALL:
            return Telling(frame)
        action, payload = frame[2], copy.deepcopy(frame[3])
        rng = random.Random(f"{self.station.identity} {compact(frame[2:])}")
        message = Message(action, payload, self._transaction_of(action, payload), rng)
        self._note_sent(message)
        lies = [lie.name for lie, change in self._changes if change(message)]
        if str(frame[1]).startswith(STRAY):
            lies.append("stray-readings")
        if message.transaction is not None:
            self._add_lies(message.transaction, lies)
        if action in _RECEIPTS and self.rng.random() < self.loses_answers:
            self._awaited.add(str(frame[1]))
        session = "" if message.transaction is None else message.transaction.key
        return Telling([*frame[:3], message.payload], tuple(lies), tuple(message.unsaid), session)

    def spelled(self, text: str) -> str | bytes:
        """A frame with its bad characters."""
        return spelled(text)

    def hears(self, text: str) -> bool:
        """Whether a frame of the central system arrives before the line breaks."""
        if not self._awaited:
            return True
        message = json.loads(text)
        if message[0] != _CALLRESULT or str(message[1]) not in self._awaited:
            return True
        self._awaited.discard(str(message[1]))
        return False

    # What is true.

    def note(self, transaction: Transaction) -> None:
        """Take down what is known of a session: it began, it was answered, it ended."""
        truth = self._truths.get(transaction.key)
        if truth is None:
            self._transactions.append(transaction)
            # Whoever asked nobody by what card it charges.
            self.station.misbehaved += self.tag is not None
            lasting = tuple(lie.name for lie in self.lies if not lie.is_occasional)
            truth = Truth(
                charge_point_id=self.station.identity,
                protocol=self.station.protocol,
                session=transaction.key,
                connector_id=transaction.connector_id,
                id_tag=transaction.id_tag,
                start_time=transaction.start_time,
                meter_start_wh=transaction.meter_start_wh,
                lies=lasting,
            )
        number = transaction.transaction_id
        called = transaction.key if self.station.protocol != "1.6" else "" if number is None else str(number)
        truth = replace(truth, transaction_id=called)
        if transaction.stop_time is not None and truth.ending is Ending.RUNS:
            truth = replace(
                truth, ending=Ending.REPORTED, end_time=transaction.stop_time, meter_end_wh=transaction.meter_stop_wh
            )
        self._keep(truth)

    def lose(self, transaction: Transaction, ending: Ending, lie: str) -> None:
        """Forget a session that runs: nothing is told of it any more, and its vehicle charges no longer."""
        truth = self._truths[transaction.key]
        self.station.misbehaved += 1
        connector = self.station.connectors[transaction.connector_id]
        reading = self.station.read(connector)
        self._keep(
            replace(
                truth,
                ending=ending,
                end_time=reading.time,
                meter_end_wh=reading.energy_wh,
                lies=(*truth.lies, lie),
            )
        )
        transaction.stop_time = reading.time
        self.station.queue.forget(transaction.key)
        connector.meter.end()
        if self.session is not None:
            self.session.cancel()

    def note_power_up(self) -> None:
        """Power has failed, and come back at once."""
        self.power_ups.append(self.station.clock.now())

    def lose_power(self) -> None:
        """Power fails and comes back: the next connection begins with a boot."""
        self.note_power_up()
        self.station.link.forget_registration("PowerUp")
        self.station.link.cut()

    def sessions_at(self, connector_id: int) -> list[Transaction]:
        """The latest sessions at a connector, the newest first, but for those that it has lost."""
        lost = (Ending.FORGOTTEN, Ending.SILENT)
        there = (one for one in reversed(self._transactions) if one.connector_id == connector_id)
        return [one for one in there if self._truths[one.key].ending not in lost]

    def _keep(self, truth: Truth) -> None:
        if self._truths.get(truth.session) != truth:
            self._truths[truth.session] = truth
            self._attest(truth)

    def _add_lies(self, transaction: Transaction, lies: Iterable[str]) -> None:
        truth = self._truths.get(transaction.key)
        more = [lie for lie in lies if truth is not None and lie not in truth.lies]
        if truth is not None and more:
            self._keep(replace(truth, lies=(*truth.lies, *more)))

    def _note_sent(self, message: Message) -> None:
        truth = None if message.transaction is None else self._truths.get(message.transaction.key)
        if truth is None:
            return
        registers_wh = [int(sample["value"]) for _, sample in message.energies()]
        registers_wh += [message.payload[name] for name in ("meterStart", "meterStop") if name in message.payload]
        if registers_wh and max(registers_wh) > (truth.last_sent_wh or -1):
            self._keep(replace(truth, last_sent_wh=max(registers_wh)))

    def _transaction_of(self, action: str, payload: dict[str, Any]) -> Transaction | None:
        """The session that a call is about; OCPP 1.6 does not always name it."""
        latest = reversed(self._transactions)
        if action == "TransactionEvent":
            key = payload["transactionInfo"]["transactionId"]
            return next((one for one in latest if one.key == key), None)
        if action == "StopTransaction":
            ended = (one for one in latest if one.stop_time and stamp(one.stop_time) == payload["timestamp"])
            return next(ended, None)
        if action == "StartTransaction":
            begun = (one for one in latest if stamp(one.start_time) <= payload["timestamp"])
            return next((one for one in begun if one.connector_id == payload["connectorId"]), None)
        if action == "MeterValues" and "connectorId" in payload:
            time = datetime.fromisoformat(payload["meterValue"][-1]["timestamp"])
            here = (one for one in latest if one.connector_id == payload["connectorId"])
            return next((one for one in here if _ran(one, time)), None)
        return None


def _ran(transaction: Transaction, time: datetime) -> bool:
    begun = stamp(transaction.start_time) <= stamp(time)
    return begun and (transaction.stop_time is None or stamp(time) <= stamp(transaction.stop_time))
