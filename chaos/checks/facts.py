"""Every acknowledged fact is stored, and stored once."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import datetime

from chaos.books import Book, ConnectorKey, EndKey, ReadingKey, StartKey, UpdateKey
from chaos.checks.check import Check, check
from chaos.stored import Connector, Event, MeterValue, Stored

_SUBJECT = "acknowledged facts"
# How the platform writes the statuses that are more than one word.
_STATUSES = {"SuspendedEV": "SUSPENDED_EV", "SuspendedEVSE": "SUSPENDED_EVSE"}


def fact_checks(book: Book, stored: Stored) -> Iterator[Check]:
    """Missing and doubled: starts, ends, updates, readings, statuses, boots."""
    yield from lost_facts(book, stored)
    yield from doubled_facts(book, stored)


def lost_facts(book: Book, stored: Stored) -> Iterator[Check]:
    """Each fact that was acknowledged is there."""
    reported = _reported(stored)
    yield _missing("starts are stored", book.starts, map(_start_of, _of_kind(reported, "STARTED")))
    yield _missing("ends are stored", book.ends, map(_end_of, _of_kind(reported, "ENDED")))
    yield _missing("updates are stored", book.updates, map(_update_of, _of_kind(reported, "UPDATED")))
    yield _missing_readings(book.readings, stored)
    yield _missing_statuses(book, stored.connectors)
    yield _missing_boots(book.boots, stored.boots)


def doubled_facts(book: Book, stored: Stored) -> Iterator[Check]:
    """None is there twice, and none has two names."""
    yield _one_number(book)
    yield _doubled("events are stored once", map(_identity, _reported(stored)))
    yield _doubled_readings(value for value in stored.meter_values if value.charge_point_id not in book.liars)


def _reported(stored: Stored) -> list[Event]:
    return [event for event in stored.events if not event.estimated]


def _of_kind(events: Iterable[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def _start_of(event: Event) -> StartKey:
    called, place = event.ocpp_transaction_id, event.evse_id
    return StartKey(event.charge_point_id, called, place, event.id_tag, event.device_time, event.meter_wh)


def _end_of(event: Event) -> EndKey:
    return EndKey(event.charge_point_id, event.ocpp_transaction_id, event.device_time, event.meter_wh)


def _update_of(event: Event) -> UpdateKey:
    return UpdateKey(event.charge_point_id, event.ocpp_transaction_id, event.device_time, event.charging_state)


def _identity(event: Event) -> Hashable:
    """What the charge point said, without what the platform made of it."""
    return (*_start_of(event), event.kind, event.seq_no, event.trigger_reason, event.charging_state)


def _reading_identity(value: MeterValue) -> Hashable:
    return value.charge_point_id, value.evse_id, value.time, value.energy_wh, value.context


def _missing(claim: str, reported: Iterable[Hashable], stored: Iterable[Hashable]) -> Check:
    expected, kept = list(reported), set(stored)
    return check(_SUBJECT, claim, len(expected), (str(fact) for fact in expected if fact not in kept))


def _doubled(claim: str, identities: Iterable[Hashable]) -> Check:
    counts = Counter(identities)
    twice = (f"{count} times: {identity}" for identity, count in counts.items() if count > 1)
    return check(_SUBJECT, claim, counts.total(), twice)


def _doubled_readings(stored: Iterable[MeterValue]) -> Check:
    """With the sessions that each is in: only these tell how it came there. Liars may tell one twice; see lies.py."""
    sessions: defaultdict[Hashable, list[str]] = defaultdict(list)
    for value in stored:
        sessions[_reading_identity(value)].append(value.session_id)
    twice = (f"{identity} in {places}" for identity, places in sessions.items() if len(places) > 1)
    return check(_SUBJECT, "readings are stored once", sum(map(len, sessions.values())), twice)


def _missing_readings(reported: Iterable[ReadingKey], stored: Stored) -> Check:
    """Readings that named their session belong to it; the others only have to be there."""
    called = {session.id: session.ocpp_transaction_id for session in stored.transactions}
    named: set[Hashable] = set()
    unnamed: set[Hashable] = set()
    for value in stored.meter_values:
        named.add((value.charge_point_id, called.get(value.session_id, ""), value.time, value.energy_wh))
        unnamed.add((value.charge_point_id, value.evse_id, value.time, value.energy_wh))
    expected = list(reported)
    lost = []
    for reading in expected:
        place, kept = (reading.transaction_id, named) if reading.transaction_id else (reading.evse_id, unnamed)
        if (reading.charge_point_id, place, reading.time, reading.energy_wh) not in kept:
            lost.append(str(reading))
    return check(_SUBJECT, "readings are stored with their session", len(expected), lost)


def _missing_statuses(book: Book, stored: Iterable[Connector]) -> Check:
    """The last status that was acknowledged stands, unless a later one does that was not. Of those whose clocks may be
    wrong that cannot be told, only that there is one."""
    known = {ConnectorKey(*plug[:3]): plug for plug in stored}
    lost = []
    for key in book.liars_statuses:
        if key not in known or known[key].status_time is None:
            lost.append(f"{key}: no status is stored")
    for key, status in book.statuses.items():
        plug = known.get(key)
        if plug is None or plug.status_time is None or plug.status_time < status.time:
            lost.append(f"{key}: {status} is not stored")
        elif plug.status_time == status.time and plug.status != _STATUSES.get(status.status, status.status.upper()):
            lost.append(f"{key}: {plug.status} instead of {status}")
    return check(
        _SUBJECT, "the last status of each connector is stored", len(book.statuses) + len(book.liars_statuses), lost
    )


def _missing_boots(reported: Mapping[str, datetime], stored: Mapping[str, datetime | None]) -> Check:
    lost = []
    for name, time in reported.items():
        known = stored.get(name)
        if known is None or known < time:
            lost.append(f"{name}: booted at {time}, known is {known}")
    return check(_SUBJECT, "the last boot of each charge point is stored", len(reported), lost)


def _one_number(book: Book) -> Check:
    """A start that was repeated got the same number each time."""
    several = (f"{key}: {sorted(numbers)}" for key, numbers in book.numbers.items() if len(numbers) > 1)
    return check(_SUBJECT, "a repeated start gets the same number", len(book.numbers), several)
