"""What the use cases need from the outside: repositories within one unit of work, a place for events, other services.

Shapes only; the implementations are in sql/, clients.py, feed.py and documents.py.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from services.kernel import unit_of_work
from services.kernel.pagination import Page, PageRequest
from services.monitoring.domain.alert import Alert, AlertFilter, AlertKind
from services.monitoring.domain.charge_point import ChargePoint, ChargePointSnapshot, Sighting
from services.monitoring.domain.connection import Connection
from services.monitoring.domain.connector import Connector, ConnectorKey
from services.monitoring.domain.dashboard import Dashboard
from services.monitoring.domain.events import AlertChanged
from services.monitoring.domain.live_reading import SessionKey
from services.monitoring.domain.metrics import MetricChange, Metrics, Window
from services.monitoring.domain.rules import Frequency, Incident, IncidentKind
from services.monitoring.domain.service_info import ServiceHealth
from services.monitoring.domain.station import Health, Station, StationFilter, StationSnapshot
from services.monitoring.domain.stream import StreamItem, StreamRequest
from services.monitoring.domain.transaction import Transaction
from services.monitoring.domain.usage import Bill, UsagePoint, UsageQuery


class StationRepository(Protocol):
    """The stations as they were told of."""

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[Station]:
        """One page by name, without those that are deleted."""
        ...

    async def exists(self, station_id: str) -> bool:
        """Whether there is such a station, or was one."""
        ...

    async def known(self, station_ids: Collection[str]) -> Mapping[str, Station]:
        """These stations, also deleted ones. Nobody else takes in any until the unit of work ends."""
        ...

    async def change(self, stations: Sequence[Station], times: Mapping[str, datetime]) -> Collection[str]:
        """Store all fields of stations, new or known, and note when something changed at stations; those of `times`
        that are known. Once in a unit of work, which locks them until its end."""
        ...

    async def touch(self, times: Mapping[str, datetime]) -> Collection[str]:
        """The same without any to store."""
        ...

    async def set_healths(self, healths: Mapping[str, Health]) -> None:
        """Store how stations are that were changed before in this unit of work."""
        ...

    async def unheard(self, since: datetime, known: Collection[str]) -> Sequence[Station]:
        """Stations that are not deleted, not among `known`, and were last told of before `since`."""
        ...


class ChargePointRepository(Protocol):
    """The charge points as they were told of."""

    async def lock(self, charge_point_ids: Collection[str]) -> dict[str, ChargePoint]:
        """These charge points, made where they are not known yet, locked until the unit of work ends."""
        ...

    async def store(self, charge_points: Collection[ChargePoint]) -> None:
        """Store all fields of known charge points."""
        ...

    async def of_stations(self, station_ids: Collection[str]) -> Sequence[ChargePoint]:
        """All charge points of these stations by identity."""
        ...

    async def away(self, since: datetime, limit: int) -> Sequence[ChargePoint]:
        """Charge points that went offline by `since` and have no open alert for it, locked; passes over locked ones."""
        ...

    async def away_since(self) -> datetime | None:
        """Since when the first of those has been offline that may be `away` one day; None without one."""
        ...

    async def online(self) -> Mapping[str, int]:
        """The epochs of all charge points that are online, by identity."""
        ...

    async def unheard(self, since: datetime, known: Collection[str]) -> Sequence[str]:
        """Charge points that are not removed, not among `known`, and were last told of before `since`."""
        ...


class ConnectorRepository(Protocol):
    """The connectors as they were reported."""

    async def record(self, connectors: Sequence[Connector]) -> Collection[ConnectorKey]:
        """Keep reports, at most one per connector, where no newer one is known; those that were kept."""
        ...

    async def of_stations(self, station_ids: Collection[str]) -> Sequence[Connector]:
        """All connectors of these stations by charge point, EVSE and number, number 0 included."""
        ...

    async def keep_only(self, snapshots: Sequence[StationSnapshot]) -> Collection[ConnectorKey]:
        """Of the charge points in snapshots, forget connectors that these lack and that were told of before them; which
        these were."""
        ...


class TransactionRepository(Protocol):
    """The transactions as they were told of."""

    async def lock(self, transaction_ids: Collection[str]) -> Mapping[str, Transaction]:
        """Those of these transactions that are known, locked until the unit of work ends, for taking in snapshots.

        Only one unit of work at a time has any: they may take in several in any order, and what is not known yet,
        without ever waiting for each other in a ring.
        """
        ...

    async def store(self, transactions: Sequence[Transaction]) -> None:
        """Store all fields of transactions, new or known."""
        ...

    async def named(self, keys: Collection[SessionKey]) -> Sequence[Transaction]:
        """The transactions that charge points call this, in the order of their ids, locked."""
        ...

    async def set_metered(self, transactions: Sequence[Transaction]) -> None:
        """Store what live readings changed."""
        ...

    async def running_at(self, station_ids: Collection[str]) -> Sequence[Transaction]:
        """The running transactions at these stations, the first started first."""
        ...

    async def powers_at(self, station_ids: Collection[str], since: datetime) -> Mapping[str, int]:
        """The power in W that stations deliver by readings from `since`; those without any are left out."""
        ...

    async def latest_update(self) -> datetime | None:
        """When the latest change happened that is known; None without any transaction."""
        ...


class AlertRepository(Protocol):
    """The stored alerts, and the incidents that predictions are made from."""

    async def page(self, narrowing: AlertFilter, page: PageRequest) -> Page[Alert]:
        """One page, the newest first."""
        ...

    async def find(self, alert_id: str, *, for_update: bool = False) -> Alert | None:
        """The alert, locked until the unit of work ends when `for_update`."""
        ...

    async def open(self, alert: Alert, *, counts: bool, follows: bool) -> Alert | None:
        """Store an alert, unless one for its kind and subject stands: that one happened again, if it `counts`, and says
        what this one says, if it `follows`.

        The alert if it is new, or says something else now.
        """
        ...

    async def replace(self, alert: Alert) -> None:
        """Store all fields of an alert."""
        ...

    async def clear(self, subjects: Collection[tuple[AlertKind, str]], now: datetime) -> Sequence[Alert]:
        """Clear the alerts for these kinds and subjects; what was cleared."""
        ...

    async def clear_all_of(
        self, charge_point_ids: Collection[str], kinds: Collection[AlertKind], now: datetime
    ) -> Sequence[Alert]:
        """Clear the alerts of these kinds of charge points; what was cleared."""
        ...

    async def clear_calmed(self, kind: IncidentKind, rule: Frequency, now: datetime) -> Sequence[Alert]:
        """Clear predictions whose incidents have become rare enough; what was cleared."""
        ...

    async def clear_over(self, kinds: Collection[AlertKind], raised_before: datetime, now: datetime) -> Sequence[Alert]:
        """Clear alerts of transactions that do not run, known or not, and that are acknowledged or were raised
        before then; what was cleared."""
        ...

    async def clear_seen(self, kind: AlertKind, raised_before: datetime, now: datetime) -> Sequence[Alert]:
        """Clear alerts of a kind that are acknowledged or were raised before then; what was cleared."""
        ...

    async def open_counts(self, station_ids: Collection[str]) -> Mapping[str, int]:
        """The number of alerts that are not cleared by station; stations without any are left out."""
        ...

    async def add_incidents(self, incidents: Sequence[Incident], since: datetime) -> Mapping[str, int]:
        """Keep incidents of one kind; how many of it there were after `since`, with these, by subject."""
        ...


class MetricsRepository(Protocol):
    """The minutes of stations."""

    async def add(self, changes: Sequence[MetricChange]) -> None:
        """Add to minutes, once in a unit of work; `changes` are merged, see metrics.merged."""
        ...

    async def steps(self, station_id: str, window: Window) -> dict[int, Metrics]:
        """The metrics of a station by the position of the step in the window; steps without any are left out."""
        ...


class UsageRepository(Protocol):
    """The records of sessions."""

    async def record_sessions(self, transactions: Sequence[Transaction]) -> None:
        """Keep what transactions, each there once, used, where no newer snapshot of one was kept."""
        ...

    async def record_bills(self, bills: Sequence[Bill]) -> None:
        """Keep what sessions, each there once, cost, where nothing that counts more was kept. What a bill says of a
        session itself counts as long as no snapshot was kept: sessions that did not come by OCPP are told of by billing
        alone."""
        ...

    async def amounts(self, session_ids: Collection[str]) -> Mapping[str, tuple[int | None, str | None]]:
        """What sessions cost by their bills, with the currency; without those of which nothing was kept."""
        ...

    async def points(self, query: UsageQuery, limit: int) -> list[UsagePoint]:
        """Up to `limit` points by period and key."""
        ...


class DashboardQueries(Protocol):
    """Sums over everything."""

    async def dashboard(self, now: datetime) -> Dashboard:
        """The figures of this moment."""
        ...


class UnitOfWork(Protocol):
    """One unit of work: what is done through it is committed together, with its events, or not at all."""

    @property
    def stations(self) -> StationRepository: ...

    @property
    def charge_points(self) -> ChargePointRepository: ...

    @property
    def connectors(self) -> ConnectorRepository: ...

    @property
    def transactions(self) -> TransactionRepository: ...

    @property
    def alerts(self) -> AlertRepository: ...

    @property
    def metrics(self) -> MetricsRepository: ...

    @property
    def usage(self) -> UsageRepository: ...

    @property
    def dashboard_queries(self) -> DashboardQueries: ...

    async def publish(self, events: Sequence[AlertChanged]) -> None:
        """Tell the domain events of this change, once it is committed."""
        ...

    async def reconciled_until(self, name: str) -> datetime | None:
        """How far the comparison `name` has come; None before the first."""
        ...

    async def note_reconciled(self, name: str, until: datetime) -> None:
        """Note how far it has come; never back."""
        ...


UnitsOfWork = unit_of_work.UnitsOfWork[UnitOfWork]


class Owners(Protocol):
    """The services that own what is monitored. Each method raises UNAVAILABLE."""

    def stations(self, told_time: datetime) -> AsyncIterator[Sequence[StationSnapshot]]:
        """All stations, page by page, as of `told_time`."""
        ...

    def charge_points(self, told_time: datetime) -> AsyncIterator[Sequence[ChargePointSnapshot]]:
        """All charge points, page by page, as of `told_time`."""
        ...

    def connections(self, time: datetime) -> AsyncIterator[Sequence[Sighting]]:
        """All open connections, page by page, as of `time`."""
        ...

    async def connection_page(self, page_size: int, page_token: str) -> Page[Connection]:
        """One page of the open connections by charge point. Raises: INVALID_FIELD, INVALID_PAGE_TOKEN."""
        ...

    def transactions_changed_since(self, time: datetime) -> AsyncIterator[Sequence[Transaction]]:
        """The transactions that changed from then on, page by page, in the order of change."""
        ...

    def bills_changed_since(self, time: datetime) -> AsyncIterator[tuple[Sequence[Bill], datetime]]:
        """What the sessions cost that changed in billing from then on, page by page in the order of change, and when
        the last of a page changed; nothing of those whose bill is about to be replaced."""
        ...


class EventFeed(Protocol):
    """The stream of domain events."""

    def read(self, request: StreamRequest) -> AbstractAsyncContextManager[AsyncIterator[StreamItem]]:
        """Items without an end, signs of life among them; closing the block frees what the reader held.

        Raises: UNAVAILABLE when the stream does not answer (any more), INVALID_FIELD when it no longer has, or never
        had, the place to begin at.
        """
        ...


class Platform(Protocol):
    """Asks services how they are."""

    async def health(self, name: str) -> ServiceHealth:
        """What the service says of itself; UNREACHABLE after a second without an answer. Never raises."""
        ...


class Documents(Protocol):
    """The documents for those who use the platform."""

    def openapi(self) -> bytes:
        """The OpenAPI document as JSON. Raises: UNAVAILABLE when it was not made."""
        ...

    def page(self) -> bytes:
        """The page to read and try it with, as HTML."""
        ...

    def dashboard(self) -> bytes:
        """The page that shows the dashboard to a person, as HTML."""
        ...
