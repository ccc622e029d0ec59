"""What liars told of a session beside what is true of it, and what the platform can know by that. Pure."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from simulator.ledger import Acknowledgement
from simulator.truth import Ending, Truth

_REGISTER = "Energy.Active.Import.Register"
_BEGIN, _END = "Transaction.Begin", "Transaction.End"
STRAY = "stray-readings"
# Told in the register at the start alone.
_AT_THE_START = frozenset({"start-from-zero"})
# What some of the broken ones say.
_NO_REGISTER = 1e15
SESSION_ACTIONS = frozenset({"StartTransaction", "StopTransaction", "TransactionEvent", "MeterValues"})


class Energy(NamedTuple):
    """How much a session may be said to have come to, in Wh: what is sure, and what is true if that is not sure."""

    least_wh: int
    most_wh: int

    def holds(self, energy_wh: int) -> bool:
        """Whether it may be said to be so much."""
        return self.least_wh <= energy_wh <= self.most_wh


@dataclass
class Testimony:
    """A session about which its charge point lies. `heard` are its messages that were acknowledged, in that order;
    `strays` are readings that named it when it was over."""

    truth: Truth
    heard: list[Acknowledgement] = field(default_factory=list)
    strays: list[Acknowledgement] = field(default_factory=list)

    @property
    def start(self) -> Acknowledgement | None:
        """Its start, as it was first acknowledged."""
        return next((entry for entry in self.heard if _kind(entry) == "Started"), None)

    @property
    def stop(self) -> Acknowledgement | None:
        """Its end, likewise."""
        return next((entry for entry in self.heard if _kind(entry) == "Ended"), None)

    @property
    def lies(self) -> list[str]:
        """What its charge point lied about in it, as far as that could be read."""
        is_reported = self.start is None or _tells_register(self.start)
        return [lie for lie in self.truth.lies if is_reported or lie not in _AT_THE_START]

    @property
    def lacks_register(self) -> bool:
        """Whether the register at the start or the end was not heard."""
        return any(edge is None or not _tells_register(edge) for edge in (self.start, self.stop))

    @property
    def is_lost(self) -> bool:
        """Whether its charge point tells no end of it."""
        return self.truth.ending in (Ending.FORGOTTEN, Ending.SILENT)

    @property
    def authorization(self) -> str:
        """What its charge point was told last about the token at the start."""
        status = ""
        for entry in self.heard:
            if _kind(entry) == "Started":
                info = entry.answer.get("idTagInfo") or entry.answer.get("idTokenInfo") or {}
                status = info.get("status", status)
        return status

    @property
    def numbers(self) -> set[str]:
        """All that its start was ever answered that it is called (1.6)."""
        return {str(entry.answer["transactionId"]) for entry in self.heard if entry.action == "StartTransaction"}

    @property
    def sure_registers(self) -> list[int]:
        """The registers of the session that were heard in a form that leaves no doubt."""
        once = {str(entry.true_request): entry for entry in self.heard}
        return [wh for entry in once.values() for wh in _registers(entry)]

    @property
    def energy(self) -> Energy:
        """What it may be said to have come to: exactly so much when start and end told theirs. Where the end told none,
        nothing tells a reading of a moment after it from the last one within."""
        truth, sure = self.truth, self.sure_registers
        end_wh = truth.last_sent_wh if self.is_lost else truth.meter_end_wh
        last = [end_wh or truth.meter_start_wh]
        if self.stop is None or not _tells_register(self.stop):
            last += [wh for stray in self.strays for wh in _registers(stray)]
        most = max(max(last) - truth.meter_start_wh, 0)
        least = max(sure) - min(sure) if sure else 0
        return Energy(min(least, most), most)

    @property
    def last_heard_time(self) -> datetime:
        """The true time of the latest thing that was heard of it."""
        times = [time for entry in self.heard for time in _times(entry)]
        return max(times, default=self.truth.start_time)


def testimonies(truths: Iterable[Truth], entries: Iterable[Acknowledgement]) -> dict[str, Testimony]:
    """What was told of the sessions of liars, by the stations' own names for them."""
    found = {truth.session: Testimony(truth) for truth in truths}
    by_name = {(one.truth.charge_point_id, one.truth.transaction_id): one for one in found.values()}
    for entry in entries:
        one = found.get(entry.session)
        if STRAY in entry.lies:
            if (named := by_name.get((entry.charge_point_id, _named(entry)))) is not None:
                named.strays.append(entry)
        elif one is not None and entry.action in SESSION_ACTIONS:
            one.heard.append(entry)
    return found


def reported_readings(entry: Acknowledgement) -> Iterator[int]:
    """The registers of the readings of a message as it told them, in Wh; but for those that nobody can read."""
    for number, value in enumerate(entry.request.get("meterValue", ()) if _is_listed(entry.request) else ()):
        if not _is_sure(entry, f"meterValue.{number}"):
            continue
        for sample in value["sampledValue"]:
            if sample.get("measurand") == _REGISTER:
                yield _wh(sample)


def perhaps_reported_readings(entry: Acknowledgement) -> Iterator[int]:
    """The same with those that somebody may be able to read all the same."""
    for value in entry.request.get("meterValue", ()) if _is_listed(entry.request) else ():
        samples = value.get("sampledValue") if isinstance(value, dict) else None
        for sample in samples if isinstance(samples, list) else ():
            with suppress(AttributeError, KeyError, TypeError, ValueError, OverflowError):
                yield _wh(sample)


def reported_registers(entry: Acknowledgement) -> Iterator[int]:
    """The same with the registers at the start and the end, where they have a field of their own."""
    reported = (entry.request.get(name) for name in ("meterStart", "meterStop"))
    yield from (int(wh) for wh in reported if isinstance(wh, int | float) and abs(wh) < _NO_REGISTER)
    yield from reported_readings(entry)


def kind_of(entry: Acknowledgement) -> str:
    """What a message tells: Started, Updated or Ended; empty for readings by themselves."""
    return _kind(entry)


def stamp_of(entry: Acknowledgement) -> datetime | None:
    """The stamp of a message as it was told, zone or not; None for one that is none."""
    try:
        reported = datetime.fromisoformat(entry.request["timestamp"])
    except (KeyError, TypeError, ValueError):
        return None
    return reported if reported.tzinfo else reported.replace(tzinfo=entry.sent_time.tzinfo)


def true_time_of(entry: Acknowledgement) -> datetime:
    """When what a message tells happened."""
    return datetime.fromisoformat(entry.true_request["timestamp"])


def first_heard(entries: Iterable[Acknowledgement], kind: str) -> datetime | None:
    """By when a message of that kind had been heard."""
    return min((entry.acknowledged_time for entry in entries if _kind(entry) == kind), default=None)


_KINDS = {"StartTransaction": "Started", "StopTransaction": "Ended"}


def _kind(entry: Acknowledgement) -> str:
    return _KINDS.get(entry.action, "") or str(entry.true_request.get("eventType", ""))


def _registers(entry: Acknowledgement) -> Iterator[int]:
    said = entry.true_request
    for name in ("meterStart", "meterStop"):
        if name in said and name not in entry.unsaid:
            yield said[name]
    for number, value in enumerate(said.get("meterValue", ())):
        if _is_sure(entry, f"meterValue.{number}"):
            for sample in value["sampledValue"]:
                if sample.get("measurand") == _REGISTER:
                    yield int(sample["value"])


def _named(entry: Acknowledgement) -> str:
    """What a message calls its session; empty for none."""
    said = entry.true_request
    return str(said.get("transactionInfo", said).get("transactionId", ""))


def _tells_register(entry: Acknowledgement) -> bool:
    return next(_registers(entry), None) is not None


def _times(entry: Acknowledgement) -> Iterator[datetime]:
    said = entry.true_request
    holders: list[dict[str, Any]] = [said, *said.get("meterValue", ())]
    for holder in holders:
        if "timestamp" in holder:
            yield datetime.fromisoformat(holder["timestamp"])


def _is_sure(entry: Acknowledgement, place: str) -> bool:
    return place not in entry.unsaid and place.partition(".")[0] not in entry.unsaid


def _is_listed(request: dict[str, Any]) -> bool:
    return isinstance(request.get("meterValue"), list)


def _wh(sample: dict[str, Any]) -> int:
    """A register as its sample tells it, in Wh, which a unit that cannot be read is as well."""
    measure = sample.get("unitOfMeasure")
    unit = sample.get("unit") or (measure.get("unit") if isinstance(measure, dict) else None)
    text = str(sample["value"]).replace("\0", "").replace("\x01", "")
    return int(float(text)) * (1000 if unit == "kWh" else 1)
