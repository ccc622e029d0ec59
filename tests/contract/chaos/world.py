"""A small platform in which all is well, in the real databases of the services, with the ledger that belongs to it.

Two sessions: one by OCPP 1.6 that was billed, one by 2.0.1 whose card was in use elsewhere, which nobody pays. And what
is left of an orphan, whose end turned out to be that of the first.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chaos import books, stored
from chaos.audit import audit
from chaos.books import Book
from chaos.checks.check import Check
from chaos.checks.events import CONSUMERS
from chaos.stored import Stored
from chaos.stream import Consumer, Stream
from services.billing.tables import CHARGING_SESSIONS, INVOICES
from services.driver.tables import USAGE_SESSIONS
from services.monitoring import tables as monitoring
from services.postgres.shared_tables import CONSUMED_EVENTS, OUTBOX
from services.station import tables as station
from services.transaction.tables import METER_VALUES, TRANSACTION_EVENTS, TRANSACTIONS
from simulator.ledger import Acknowledgement

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
START, SAMPLE, UNNAMED, STOP = (T0 + timedelta(seconds=20 * number) for number in range(4))
PAID, UNPAID, BILL, STATION, LEFT, INVOICE, DRIVER = (str(uuid.UUID(int=number)) for number in range(1, 8))
_REGISTER = "Energy.Active.Import.Register"
_SESSION_CONSUMERS = {"billing-sessions": "billing", "driver-usage": "driver", "monitoring-sessions": "monitoring"}
_STATION_CONSUMERS = {
    "monitoring-stations": "monitoring",
    "station-settings": "station",
    "transaction-commands": "transaction",
    "transaction-evidence": "transaction",
    "transaction-stations": "transaction",
}


class World:
    """The databases of the services, by name, and the stream as it should be."""

    def __init__(self, database: Callable[[str], str]) -> None:
        self.urls: Mapping[str, str] = {service: database(service) for service in stored.SERVICES}
        self.in_stream: Counter[str] = Counter()
        self.consumers = sorted(CONSUMERS)
        self._engines = {
            service: sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
            for service, url in self.urls.items()
        }
        self.fill()
        for engine in self._engines.values():
            engine.dispose()

    def audited(self, service: str = "transaction", statements: Sequence[str] = ()) -> list[Check]:
        """What the auditor finds after `statements`, which no service would make. They are taken back afterwards."""
        return audit(self.book(), self.kept(service, statements), self.stream())

    def stream(self) -> Stream:
        """The stream and its consumers as they are supposed to be now."""
        nouns = {
            name: "transaction.transaction" if name in _SESSION_CONSUMERS else "station.station" for name in CONSUMERS
        }
        consumers = [Consumer(name, [f"csms.event.{nouns[name]}.*"], 0) for name in self.consumers]
        return Stream(self.in_stream, consumers)

    def kept(self, service: str = "transaction", statements: Sequence[str] = ()) -> Stored:
        """What is stored after `statements`, which are taken back afterwards."""
        with ExitStack() as stack:
            opened = {name: stack.enter_context(psycopg.connect(url)) for name, url in self.urls.items()}
            for statement in statements:
                assert opened[service].execute(statement.encode()).rowcount != 0, f"{statement} changed nothing"
            found = stored.read(opened)
            for connection in opened.values():
                connection.rollback()
        return found

    def book(self) -> Book:
        """What the chargers have written down."""
        return books.read([*_told_by_16(), *_told_by_201()])

    def insert(self, service: str, table: sa.Table, **values: Any) -> None:
        """A row; what is not said of it is empty."""
        row = {column.name: _EMPTY[type(column.type)] for column in table.c if _must_be_given(column)}
        with self._engines[service].begin() as connection:
            connection.execute(sa.insert(table).values({**row, **values}))

    def fill(self) -> None:
        """Make all of it."""
        self._session(PAID, "CP16", "7", "ACCEPTED", "ocpp1.6", meter=(100, 350))
        self._session(UNPAID, "CP201", "abc", "CONCURRENT_TX", "ocpp2.0.1", meter=(1000, 1005))
        self._fact(PAID, "CP16", "STARTED", START, 100, "", evse_id=1, id_tag="TAG")
        self._fact(PAID, "CP16", "ENDED", STOP, 350, "7")
        for kind, time, meter in (("STARTED", START, 1000), ("ENDED", STOP, 1005)):
            token = {"id_tag": "TAG"} if kind == "STARTED" else {}
            self._fact(UNPAID, "CP201", kind, time, meter, "abc", evse_id=2, **token)
        self._fact(UNPAID, "CP201", "UPDATED", SAMPLE, None, "abc", evse_id=2, charging_state="Charging")
        for session, name, evse_id, time, meter in (
            (PAID, "CP16", 1, SAMPLE, 200),
            (PAID, "CP16", 1, UNNAMED, 250),
            (UNPAID, "CP201", 2, START, 1000),
            (UNPAID, "CP201", 2, STOP, 1005),
        ):
            place = {"charge_point_id": name, "evse_id": evse_id, "connector_id": 1}
            where = {"transaction_id": session, "sampled_time": time, "energy_wh": meter}
            self.insert("transaction", METER_VALUES, **place, **where)
        self._merged_orphan()
        self._bills()
        metrics = {"energy_wh": 255, "started_transaction_count": 2, "ended_transaction_count": 2}
        self.insert("monitoring", monitoring.STATION_METRICS, station_id=STATION, time=T0, **metrics)
        self.event("station", f"csms.event.station.station.changed.{STATION}")
        for name, evse_id in (("CP16", 1), ("CP201", 2)):
            self.charge_point(name, evse_id)

    def charge_point(self, name: str, evse_id: int) -> None:
        """A charge point that has booted, told a status and gone."""
        self.insert("station", station.CHARGE_POINTS, id=name, boot_time=T0 + timedelta(seconds=1))
        place = {"charge_point_id": name, "evse_id": evse_id, "connector_id": 1}
        status = {"status": "AVAILABLE", "status_time": STOP, "id": str(uuid.uuid4())}
        self.insert("station", station.CONNECTORS, **place, **status)
        self.insert("station", station.CONNECTIONS, charge_point_id=name, epoch=3, close_time=STOP)
        self.insert("monitoring", monitoring.CHARGE_POINTS, id=name, online=False)

    def _session(
        self, session: str, name: str, number: str, authorization: str, protocol: str, meter: tuple[int, int]
    ) -> None:
        first, last = meter
        self.insert(
            "transaction",
            TRANSACTIONS,
            id=session,
            ocpp_transaction_id=number,
            charge_point_id=name,
            evse_id=1 if protocol == "ocpp1.6" else 2,
            id_tag="TAG",
            state="ENDED",
            authorization=authorization,
            begin_time=START,
            start_time=START,
            stop_time=STOP,
            meter_start_wh=first,
            meter_stop_wh=last,
            energy_wh=last - first,
            station_id=STATION,
            protocol=protocol,
            revision=2,
            driver_id=DRIVER,
        )
        cost = {"amount_minor": last - first, "currency_code": "EUR"} if session == PAID else {}
        counted = {"energy_wh": last - first, "revision": 2, "end_time": STOP, **cost}
        self.insert("driver", USAGE_SESSIONS, transaction_id=session, **counted)
        self.insert("monitoring", monitoring.USAGE_ANALYTICS, session_id=session, **counted)
        self.insert("monitoring", monitoring.TRANSACTIONS, id=session, revision=2, metered_wh=last - first)
        for verb in ("started", "ended"):
            self.event("transaction", f"csms.event.transaction.transaction.{verb}.{name}")

    def _merged_orphan(self) -> None:
        orphan = {"ocpp_transaction_id": "-1", "charge_point_id": "CP16", "protocol": "ocpp1.6", "begin_time": STOP}
        self.insert("transaction", TRANSACTIONS, id=LEFT, state="MERGED", merged_into=PAID, revision=2, **orphan)
        held = {"state": "HELD", "hold_reason": "merged", "revision": 2}
        self.insert("billing", CHARGING_SESSIONS, id=str(uuid.UUID(int=98)), transaction_id=LEFT, **held)
        self.insert("monitoring", monitoring.TRANSACTIONS, id=LEFT, revision=2)
        self.insert("driver", USAGE_SESSIONS, transaction_id=LEFT, revision=2)
        for _ in range(2):
            self.event("transaction", "csms.event.transaction.transaction.updated.CP16")

    def _fact(
        self, session: str, name: str, kind: str, time: datetime, meter_wh: int | None, reported: str, **more: Any
    ) -> None:
        self.insert(
            "transaction",
            TRANSACTION_EVENTS,
            transaction_id=session,
            device_time=time,
            key=str(uuid.uuid4()),
            ocpp_transaction_id=reported,
            charge_point_id=name,
            kind=kind,
            meter_wh=meter_wh,
            **more,
        )

    def _bills(self) -> None:
        unpaid = str(uuid.UUID(int=99))
        paid = {"state": "COMPLETED", "energy_wh": 250, "revision": 2, "invoice_id": INVOICE, "driver_id": DRIVER}
        held = {"state": "HELD", "energy_wh": 5, "revision": 2, "hold_reason": "concurrent_tx"}
        self.insert("billing", CHARGING_SESSIONS, id=BILL, transaction_id=PAID, **paid)
        self.insert("billing", CHARGING_SESSIONS, id=unpaid, transaction_id=UNPAID, **held)
        self.insert(
            "billing",
            INVOICES,
            id=INVOICE,
            number="2026-000001",
            driver_id=DRIVER,
            charging_session_id=BILL,
            state="OPEN",
            total_minor=250,
        )
        self.event("billing", f"csms.event.billing.charging_session.billed.{BILL}")

    def event(self, service: str, subject: str) -> None:
        """An event that everybody has heard of whom it concerns."""
        event_id = uuid.uuid4()
        self.insert(service, OUTBOX, id=event_id, subject=subject, publish_time=T0)
        self.in_stream[str(event_id)] = 1
        if service != "billing":
            consumers = _SESSION_CONSUMERS if service == "transaction" else _STATION_CONSUMERS
            for consumer, handler in consumers.items():
                self.insert(handler, CONSUMED_EVENTS, consumer=consumer, event_id=event_id)


_EMPTY: dict[type[Any], Any] = {
    sa.Text: "",
    sa.Integer: 0,
    sa.BigInteger: 0,
    sa.SmallInteger: 0,
    sa.Boolean: False,
    sa.DateTime: T0,
    sa.LargeBinary: b"",
    sa.ARRAY: [],
    JSONB: [],
    sa.Uuid: None,
}


def _must_be_given(column: sa.Column[Any]) -> bool:
    return not column.nullable and column.identity is None and column.server_default is None


def reported(name: str, protocol: str, action: str, request: dict[str, Any], **answer: Any) -> Acknowledgement:
    """A message that was acknowledged."""
    return Acknowledgement(name, protocol, "1", action, request, answer, T0, T0)


def _told_by_16() -> list[Acknowledgement]:
    start = {"connectorId": 1, "idTag": "tag", "meterStart": 100, "timestamp": START.isoformat()}
    values, unnamed = (
        [{"timestamp": time.isoformat(), "sampledValue": [{"measurand": _REGISTER, "value": value}]}]
        for time, value in ((SAMPLE, "200"), (UNNAMED, "250"))
    )
    stop = {"transactionId": 7, "meterStop": 350, "timestamp": STOP.isoformat()}
    status = {"connectorId": 1, "status": "Available", "errorCode": "NoError", "timestamp": STOP.isoformat()}
    return [
        reported("CP16", "1.6", "BootNotification", {}),
        reported("CP16", "1.6", "StartTransaction", start, transactionId=7, idTagInfo={"status": "Accepted"}),
        reported("CP16", "1.6", "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": values}),
        reported("CP16", "1.6", "MeterValues", {"connectorId": 1, "meterValue": unnamed}),
        reported("CP16", "1.6", "StopTransaction", stop),
        reported("CP16", "1.6", "StatusNotification", status),
    ]


def _told_by_201() -> list[Acknowledgement]:
    def event(kind: str, time: datetime, wh: int | None, **more: Any) -> dict[str, Any]:
        sampled = [{"timestamp": time.isoformat(), "sampledValue": [{"measurand": _REGISTER, "value": wh}]}]
        info = {"transactionId": "abc", **more.pop("info", {})}
        values = {} if wh is None else {"meterValue": sampled}
        moment = {"eventType": kind, "timestamp": time.isoformat(), "transactionInfo": info}
        return {**moment, "evse": {"id": 2, "connectorId": 1}, **values, **more}

    token = {"idToken": {"idToken": "tag", "type": "ISO14443"}}
    status = {"evseId": 2, "connectorId": 1, "connectorStatus": "Available", "timestamp": STOP.isoformat()}
    started, refused = event("Started", START, 1000, **token), {"status": "ConcurrentTx"}
    updated = event("Updated", SAMPLE, None, info={"chargingState": "Charging"})
    return [
        reported("CP201", "2.0.1", "BootNotification", {}),
        reported("CP201", "2.0.1", "TransactionEvent", started, idTokenInfo=refused),
        reported("CP201", "2.0.1", "TransactionEvent", updated),
        reported("CP201", "2.0.1", "TransactionEvent", event("Ended", STOP, 1005)),
        reported("CP201", "2.0.1", "StatusNotification", status),
    ]
