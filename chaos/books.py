"""The chargers' books: what the ledger says was acknowledged, as facts that a database can be asked for. Pure.

A message that was acknowledged several times, under whatever message ids, is one fact. What liars told of sessions is
kept apart, as they told it and beside what is true (see `testimony`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chaos.testimony import SESSION_ACTIONS, Testimony, testimonies
from simulator.ledger import Acknowledgement
from simulator.truth import Truth

_V16 = "1.6"
_REGISTER = "Energy.Active.Import.Register"
_NO_SESSION = (None, 0, -1)
_NO_NUMBER = ("0", "-1")


class SessionKey(NamedTuple):
    """What a charge point and the platform call a session."""

    charge_point_id: str
    transaction_id: str


class StartKey(NamedTuple):
    """By what a repeated start is recognised; `transaction_id` is empty in 1.6, where the platform gives it."""

    charge_point_id: str
    transaction_id: str
    evse_id: int
    id_tag: str
    time: datetime
    meter_wh: int | None


class EndKey(NamedTuple):
    """By what a repeated end is recognised."""

    charge_point_id: str
    transaction_id: str
    time: datetime
    meter_wh: int | None


class UpdateKey(NamedTuple):
    """By what an event in between is recognised (2.x), unless it tells readings only."""

    charge_point_id: str
    transaction_id: str
    time: datetime
    charging_state: str


class ReadingKey(NamedTuple):
    """A reading of the energy register; `transaction_id` is empty where the message named no session."""

    charge_point_id: str
    transaction_id: str
    evse_id: int
    time: datetime
    energy_wh: int


class ConnectorKey(NamedTuple):
    """A connector as the platform counts it."""

    charge_point_id: str
    evse_id: int
    connector_id: int


class Status(NamedTuple):
    """A status that a connector was said to have."""

    time: datetime
    status: str


@dataclass
class SessionBook:
    """One session by the charger's own book; what was never acknowledged is missing."""

    start: StartKey | None = None
    end: EndKey | None = None
    # What the charge point was told about the token at the start.
    authorization: str = ""

    @property
    def energy_wh(self) -> int | None:
        """What the meter says was taken; None unless both ends are known."""
        if self.start is None or self.end is None or self.start.meter_wh is None or self.end.meter_wh is None:
            return None
        return self.end.meter_wh - self.start.meter_wh


@dataclass
class Book:
    """All that was acknowledged. `numbers` has, for each start, everything it was ever answered that it is called.

    `liars` are the charge points that lie, `lied` their messages, `testimonies` their sessions by the stations' own
    names for them; all else is about the others, but for boots, and for statuses without their times.
    """

    acknowledged: int = 0
    starts: set[StartKey] = field(default_factory=set)
    ends: set[EndKey] = field(default_factory=set)
    updates: set[UpdateKey] = field(default_factory=set)
    readings: set[ReadingKey] = field(default_factory=set)
    statuses: dict[ConnectorKey, Status] = field(default_factory=dict)
    boots: dict[str, datetime] = field(default_factory=dict)
    sessions: defaultdict[SessionKey, SessionBook] = field(default_factory=lambda: defaultdict(SessionBook))
    numbers: defaultdict[StartKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_action: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    liars: set[str] = field(default_factory=set)
    lied: list[Acknowledgement] = field(default_factory=list)
    testimonies: dict[str, Testimony] = field(default_factory=dict)
    liars_statuses: dict[ConnectorKey, str] = field(default_factory=dict)


def read(entries: Iterable[Acknowledgement], truths: Sequence[Truth] = ()) -> Book:
    """The book that a ledger amounts to."""
    book, acknowledged = Book(), list(entries)
    book.liars = {truth.charge_point_id for truth in truths}
    book.liars |= {entry.charge_point_id for entry in acknowledged if entry.lies}
    for entry in acknowledged:
        book.acknowledged += 1
        book.by_action[entry.action] += 1
        is_lied = entry.charge_point_id in book.liars and entry.action != "BootNotification"
        take_in = _lied if is_lied else _ACTIONS.get(entry.action)
        if take_in is not None:
            take_in(book, entry)
    book.testimonies = testimonies(truths, book.lied)
    for end in sorted(book.ends, key=lambda end: end.time):
        if end.transaction_id in _NO_NUMBER:
            _end_what_ran(book, end)
    return book


def _start_transaction(book: Book, entry: Acknowledgement) -> None:
    said = entry.request
    key = StartKey(
        entry.charge_point_id,
        "",
        said["connectorId"],
        said["idTag"].upper(),
        _time(said["timestamp"]),
        said["meterStart"],
    )
    _started(book, key, str(entry.answer["transactionId"]), entry.answer["idTagInfo"]["status"])


def _stop_transaction(book: Book, entry: Acknowledgement) -> None:
    said = entry.request
    key = EndKey(entry.charge_point_id, str(said["transactionId"]), _time(said["timestamp"]), said["meterStop"])
    book.ends.add(key)
    if said["transactionId"] not in _NO_SESSION:
        book.sessions[SessionKey(*key[:2])].end = key


def _transaction_event(book: Book, entry: Acknowledgement) -> None:
    said = entry.request
    charge_point_id, called = entry.charge_point_id, str(said["transactionInfo"]["transactionId"])
    moment, evse_id = _time(said["timestamp"]), said.get("evse", {}).get("id", 0)
    readings = list(_registers(said.get("meterValue", ())))
    meter_wh = readings[0][1] if readings else None
    if said["eventType"] == "Started":
        key = StartKey(charge_point_id, called, evse_id, said["idToken"]["idToken"].upper(), moment, meter_wh)
        _started(book, key, called, entry.answer.get("idTokenInfo", {}).get("status", ""))
    elif said["eventType"] == "Ended":
        end = EndKey(charge_point_id, called, moment, meter_wh)
        book.ends.add(end)
        book.sessions[SessionKey(charge_point_id, called)].end = end
    elif not readings:
        state = said["transactionInfo"].get("chargingState", "")
        book.updates.add(UpdateKey(charge_point_id, called, moment, state))
    book.readings.update(ReadingKey(charge_point_id, called, evse_id, *reading) for reading in readings)


def _meter_values(book: Book, entry: Acknowledgement) -> None:
    said = entry.request
    number = said.get("transactionId")
    called = "" if number in _NO_SESSION else str(number)
    evse_id = said["connectorId"] if entry.protocol == _V16 else said["evseId"]
    book.readings.update(
        ReadingKey(entry.charge_point_id, called, evse_id, *reading) for reading in _registers(said["meterValue"])
    )


def _status_notification(book: Book, entry: Acknowledgement) -> None:
    said = entry.request
    if "timestamp" in said:
        for key, word in _statuses(entry.charge_point_id, entry.protocol, said):
            _told_status(book, key, Status(_time(said["timestamp"]), word))


def _notify_event(book: Book, entry: Acknowledgement) -> None:
    """OCPP 2.1 tells statuses so."""
    for event in entry.request["eventData"]:
        for key, word in _availabilities(entry.charge_point_id, event):
            _told_status(book, key, Status(_time(event["timestamp"]), word))


def _told_status(book: Book, key: ConnectorKey, status: Status) -> None:
    """Of two with the same stamp the one that was acknowledged later counts."""
    known = book.statuses.get(key)
    if known is None or status.time >= known.time:
        book.statuses[key] = status


def _statuses(charge_point_id: str, protocol: str, said: dict[str, Any]) -> Iterator[tuple[ConnectorKey, str]]:
    """The connector that a StatusNotification is about; none for the station as a whole."""
    if protocol != _V16:
        yield ConnectorKey(charge_point_id, said["evseId"], said["connectorId"]), said["connectorStatus"]
    elif said["connectorId"]:
        yield ConnectorKey(charge_point_id, said["connectorId"], said["connectorId"]), said["status"]


def _availabilities(charge_point_id: str, event: dict[str, Any]) -> Iterator[tuple[ConnectorKey, str]]:
    """The connector whose status an event of NotifyEvent tells, if it tells one."""
    component = event["component"]
    if component["name"] == "Connector" and event["variable"]["name"] == "AvailabilityState":
        evse = component["evse"]
        yield ConnectorKey(charge_point_id, evse["id"], evse["connectorId"]), event["actualValue"]


def _lied(book: Book, entry: Acknowledgement) -> None:
    if entry.action in SESSION_ACTIONS:
        book.lied.append(entry)
    elif entry.action == "StatusNotification":
        book.liars_statuses.update(_statuses(entry.charge_point_id, entry.protocol, entry.true_request))
    elif entry.action == "NotifyEvent":
        for event in entry.true_request["eventData"]:
            book.liars_statuses.update(_availabilities(entry.charge_point_id, event))


def _boot_notification(book: Book, entry: Acknowledgement) -> None:
    book.boots[entry.charge_point_id] = max(entry.sent_time, book.boots.get(entry.charge_point_id, entry.sent_time))


def _started(book: Book, key: StartKey, called: str, authorization: str) -> None:
    book.starts.add(key)
    book.numbers[key].add(called)
    session = book.sessions[SessionKey(key.charge_point_id, called)]
    session.start = key
    session.authorization = authorization or session.authorization


def _end_what_ran(book: Book, end: EndKey) -> None:
    """An end by 1.6 that came before its start names no session: a station of the fleet charges one vehicle at a time,
    so that it ended what had begun last."""
    begun = [
        session
        for (charge_point_id, _), session in book.sessions.items()
        if charge_point_id == end.charge_point_id and session.start is not None and session.start.time <= end.time
    ]
    last = max(begun, key=_begin, default=None)
    if last is not None:
        last.end = end


def _begin(session: SessionBook) -> datetime:
    return session.start.time if session.start is not None else datetime.min.replace(tzinfo=UTC)


def _registers(values: Iterable[dict[str, Any]]) -> Iterator[tuple[datetime, int]]:
    """Time and energy of each reading, in Wh as this fleet always tells it."""
    for value in values:
        for sampled in value["sampledValue"]:
            if sampled.get("measurand") == _REGISTER:
                yield _time(value["timestamp"]), int(sampled["value"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_ACTIONS = {
    "StartTransaction": _start_transaction,
    "StopTransaction": _stop_transaction,
    "TransactionEvent": _transaction_event,
    "MeterValues": _meter_values,
    "StatusNotification": _status_notification,
    "NotifyEvent": _notify_event,
    "BootNotification": _boot_notification,
}
