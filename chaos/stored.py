"""What the platform has stored: reads the databases of the services, row by row, and judges nothing.

Knows tables and columns, not the code that writes them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

SERVICES = ("transaction", "billing", "driver", "monitoring", "station")
DATABASES: Mapping[str, str] = {
    "transaction": "csms_charge_points",
    "billing": "csms_billing",
    "driver": "csms_drivers",
    "monitoring": "csms_monitoring",
    "station": "csms_stations",
}


class Transaction(NamedTuple):
    """A session of the transaction service."""

    id: str
    ocpp_transaction_id: str
    charge_point_id: str
    evse_id: int
    id_tag: str
    state: str
    authorization: str | None
    begin_time: datetime
    start_time: datetime | None
    stop_time: datetime | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    energy_wh: int
    flags: list[str]
    station_id: str
    protocol: str
    revision: int
    driver_id: str
    energy_doubt: str


class Event(NamedTuple):
    """A fact about a session. `ocpp_transaction_id` is what the charge point called the session."""

    session_id: str
    key: str
    ocpp_transaction_id: str
    charge_point_id: str
    kind: str
    evse_id: int
    id_tag: str
    device_time: datetime
    meter_wh: int | None
    seq_no: int | None
    trigger_reason: str
    charging_state: str
    estimated: bool


class MeterValue(NamedTuple):
    """A reading; outside of sessions the session id is that of no transaction."""

    session_id: str
    charge_point_id: str
    evse_id: int
    time: datetime
    energy_wh: int | None
    context: int


class ChargingSession(NamedTuple):
    """A session of the billing service."""

    id: str
    transaction_id: str | None
    state: str
    energy_wh: int
    hold_reason: str
    invoice_id: str | None
    revision: int
    driver_id: str | None
    hold_detail: str


class Invoice(NamedTuple):
    """An invoice, or a credit note, whose amounts are negative."""

    id: str
    charging_session_id: str
    state: str
    total_minor: int
    number: str
    driver_id: str | None
    kind: str
    paid_minor: int
    corrected_invoice_id: str | None
    credit_note_id: str | None

    @property
    def counts(self) -> bool:
        """Whether it is a bill that was not taken back."""
        return self.kind == "INVOICE" and self.state in ("OPEN", "PAID")


class Usage(NamedTuple):
    """What the driver or the monitoring service has counted of a session."""

    session_id: str
    energy_wh: int
    revision: int
    amount_minor: int | None
    end_time: datetime | None


class Monitored(NamedTuple):
    """A session as the monitoring service knows it; `metered_wh` is what its metrics hold of it."""

    id: str
    revision: int
    metered_wh: int


class Connector(NamedTuple):
    """The last status of a connector."""

    charge_point_id: str
    evse_id: int
    connector_id: int
    status: str | None
    status_time: datetime | None


class ChargerConnection(NamedTuple):
    """The newest connection of a charge point."""

    charge_point_id: str
    is_open: bool


class OutboxEvent(NamedTuple):
    """A domain event as it was committed."""

    id: str
    subject: str
    is_published: bool


class Metrics(NamedTuple):
    """What the metrics of all stations add up to."""

    energy_wh: int
    started: int
    ended: int


@dataclass(frozen=True)
class Messaging:
    """The messaging tables of one service."""

    outbox: list[OutboxEvent]
    consumed: Mapping[str, Counter[str]]
    parked: list[str]


@dataclass(frozen=True)
class Stored:
    """Everything that the auditor asks for."""

    transactions: list[Transaction]
    events: list[Event]
    meter_values: list[MeterValue]
    charging_sessions: list[ChargingSession]
    invoices: list[Invoice]
    driver_usage: list[Usage]
    monitored_usage: list[Usage]
    monitored: Mapping[str, Monitored]
    metrics: Metrics
    connectors: list[Connector]
    boots: Mapping[str, datetime | None]
    connections: list[ChargerConnection]
    monitored_online: Mapping[str, bool]
    messaging: Mapping[str, Messaging] = field(repr=False)


def load(urls: Mapping[str, str]) -> Stored:
    """Read everything. `urls` names the database of each service. Raises psycopg.Error."""
    with ExitStack() as stack:
        opened = {service: stack.enter_context(psycopg.connect(urls[service], autocommit=True)) for service in SERVICES}
        return read(opened)


def read(opened: Mapping[str, Connection]) -> Stored:
    """The same by connections that are open, one to the database of each service."""
    return Stored(
        transactions=_rows(opened["transaction"], Transaction, _TRANSACTIONS),
        events=_rows(opened["transaction"], Event, _EVENTS),
        meter_values=_rows(opened["transaction"], MeterValue, _METER_VALUES),
        charging_sessions=_rows(opened["billing"], ChargingSession, _CHARGING_SESSIONS),
        invoices=_rows(opened["billing"], Invoice, _INVOICES),
        driver_usage=_rows(opened["driver"], Usage, _DRIVER_USAGE),
        monitored_usage=_rows(opened["monitoring"], Usage, _MONITORED_USAGE),
        monitored={one.id: one for one in _rows(opened["monitoring"], Monitored, _MONITORED)},
        metrics=_rows(opened["monitoring"], Metrics, _METRICS)[0],
        connectors=_rows(opened["station"], Connector, _CONNECTORS),
        connections=_rows(opened["station"], ChargerConnection, _CONNECTIONS),
        monitored_online=dict(_ask(opened["monitoring"], "SELECT id, online FROM charge_points")),
        boots=dict(_ask(opened["station"], "SELECT id, boot_time FROM charge_points")),
        messaging={service: _messaging(connection) for service, connection in opened.items()},
    )


def of(kept: Stored, charge_points: Collection[str]) -> Stored:
    """What is there of some charge points only, as far as it says whose it is."""
    names = frozenset(charge_points)
    transactions = [one for one in kept.transactions if one.charge_point_id in names]
    sessions = {one.id for one in transactions}
    return replace(
        kept,
        transactions=transactions,
        events=[one for one in kept.events if one.charge_point_id in names],
        meter_values=[one for one in kept.meter_values if one.charge_point_id in names],
        charging_sessions=[one for one in kept.charging_sessions if one.transaction_id in sessions],
        connectors=[one for one in kept.connectors if one.charge_point_id in names],
        connections=[one for one in kept.connections if one.charge_point_id in names],
    )


_Row = TypeVar("_Row", bound=tuple[Any, ...])


def _rows(connection: Connection, row: type[_Row], query: str) -> list[_Row]:
    return [row(*values) for values in _ask(connection, query)]


def _ask(connection: Connection, query: str) -> Iterator[tuple[Any, ...]]:
    yield from connection.execute(query.encode())


def _messaging(connection: Connection) -> Messaging:
    consumed: dict[str, Counter[str]] = {}
    for consumer, event_id in _ask(connection, "SELECT consumer, event_id::text FROM consumed_events"):
        consumed.setdefault(consumer, Counter())[event_id] += 1
    return Messaging(
        outbox=_rows(connection, OutboxEvent, "SELECT id::text, subject, publish_time IS NOT NULL FROM outbox"),
        consumed=consumed,
        parked=[f"{row[0]}: {row[1]}: {row[2]}" for row in _ask(connection, _PARKED)],
    )


_TRANSACTIONS = (
    'SELECT id::text, ocpp_transaction_id, charge_point_id, evse_id, id_tag, state, "authorization", begin_time,'
    " start_time, stop_time, meter_start_wh, meter_stop_wh, energy_wh, flags, station_id, protocol, revision,"
    " driver_id, energy_doubt FROM transactions"
)
_EVENTS = (
    "SELECT transaction_id::text, key::text, ocpp_transaction_id, charge_point_id, kind, evse_id, id_tag, device_time,"
    " meter_wh, seq_no, trigger_reason, charging_state, estimated FROM transaction_events"
)
_METER_VALUES = (
    "SELECT transaction_id::text, charge_point_id, evse_id, sampled_time, energy_wh, context FROM meter_values"
)
_CHARGING_SESSIONS = (
    "SELECT id::text, transaction_id::text, state, energy_wh, hold_reason, invoice_id::text, revision,"
    " driver_id::text, coalesce(remarks->>'hold_detail', '') FROM charging_sessions"
)
_INVOICES = (
    "SELECT id::text, charging_session_id::text, state, total_minor, number, driver_id::text, kind, paid_minor,"
    " corrected_invoice_id::text, credit_note_id::text FROM invoices"
)
_DRIVER_USAGE = "SELECT transaction_id::text, energy_wh, revision, amount_minor, end_time FROM usage_sessions"
_MONITORED_USAGE = "SELECT session_id::text, energy_wh, revision, amount_minor, end_time FROM usage_analytics"
_MONITORED = "SELECT id::text, revision, metered_wh FROM transactions"
_METRICS = (
    "SELECT coalesce(sum(energy_wh), 0)::bigint, coalesce(sum(started_transaction_count), 0)::bigint,"
    " coalesce(sum(ended_transaction_count), 0)::bigint FROM station_metrics"
)
_CONNECTORS = "SELECT charge_point_id, evse_id, connector_id, status, status_time FROM connectors"
_CONNECTIONS = "SELECT charge_point_id, close_time IS NULL FROM connections"
_PARKED = "SELECT consumer, event_id, error FROM parked_events"
