"""Stations: the newest snapshot of each, and its health, which follows from its charge points and connectors."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.kernel.tenancy import DEFAULT_TENANT
from services.monitoring.domain.charge_point import ChargePoint, ChargePointSnapshot
from services.monitoring.domain.connector import Connector
from services.monitoring.domain.transaction import Transaction, power_now


class Health(StrEnum):
    """How a station is as a whole."""

    OK = "OK"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A station as the newest snapshot told. A deleted one is kept, so that no older snapshot brings it back."""

    id: str
    name: str
    revision: int
    told_time: datetime
    deleted: bool = False
    health: Health = Health.OK
    update_time: datetime
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSnapshot:
    """A station with what stands at it, as the station service showed it at `told_time`."""

    id: str
    name: str
    revision: int
    told_time: datetime
    deleted: bool
    charge_points: Sequence[ChargePointSnapshot]
    connectors: Sequence[Connector]
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class StationFilter:
    """Which stations a list holds; an empty or None field does not narrow it."""

    health: Health | None = None
    station_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """A station with what is known of it now; `connectors` are all, number 0 included."""

    station: Station
    charge_points: Sequence[ChargePoint]
    connectors: Sequence[Connector]
    transactions: Sequence[Transaction]
    open_alert_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorView:
    """A connector with what runs at it."""

    connector: Connector
    online: bool
    transaction_id: str


def is_newer(snapshot: StationSnapshot, known: Station | None) -> bool:
    """Whether a snapshot says more than what is known. A change of what stands at a station keeps its revision."""
    return known is None or (
        (snapshot.revision, snapshot.told_time, snapshot.deleted) > (known.revision, known.told_time, known.deleted)
    )


def stored(snapshot: StationSnapshot, known: Station | None) -> Station:
    """The station that a snapshot shows; its health is found when what stands there is known."""
    return Station(
        id=snapshot.id,
        name=snapshot.name,
        revision=snapshot.revision,
        told_time=snapshot.told_time,
        deleted=snapshot.deleted,
        update_time=max(snapshot.told_time, known.update_time) if known else snapshot.told_time,
        tenant_id=snapshot.tenant_id,
    )


def health_of(charge_points: Sequence[ChargePoint], connectors: Sequence[Connector]) -> Health:
    """How a station with these is; one that has nothing yet is OK.

    A fault of a charge point as a whole is a fault of each of its connectors.
    """
    broken = {connector.charge_point_id for connector in connectors if connector.is_faulted and _is_whole(connector)}
    plugs = [connector for connector in connectors if not _is_whole(connector)]
    faulted = [plug for plug in plugs if plug.is_faulted or plug.charge_point_id in broken]
    offline = [point for point in charge_points if not point.online]
    if charge_points and len(offline) == len(charge_points):
        return Health.DOWN
    if plugs and len(faulted) == len(plugs):
        return Health.DOWN
    return Health.DEGRADED if offline or faulted or broken else Health.OK


def connector_views(view: StationView) -> list[ConnectorView]:
    """The connectors of a station, each with the transaction that runs at it."""
    online = {point.id for point in view.charge_points if point.online}
    return [
        ConnectorView(
            connector=plug,
            online=plug.charge_point_id in online,
            transaction_id=next((running.id for running in view.transactions if _runs_at(running, plug)), ""),
        )
        for plug in view.connectors
        if not _is_whole(plug)
    ]


def connector_counts(connectors: Iterable[ConnectorView]) -> Counter[str]:
    """How many connectors are in each status, by its name."""
    return Counter(view.connector.status or "STATUS_UNSPECIFIED" for view in connectors)


def power_of(view: StationView, now: datetime) -> int:
    """What the station delivers now, in W."""
    return sum(power_now(running, now) for running in view.transactions)


def changed_time_of(view: StationView) -> datetime:
    """When any of it last changed."""
    return max([view.station.update_time, *(running.update_time for running in view.transactions)])


def _is_whole(connector: Connector) -> bool:
    return connector.connector_id == 0


def _runs_at(transaction: Transaction, connector: Connector) -> bool:
    """OCPP 1.6 counts connectors through and may tell no EVSE; OCPP 2.x may tell the EVSE alone."""
    if transaction.charge_point_id != connector.charge_point_id:
        return False
    if transaction.evse_id and transaction.connector_id:
        return (transaction.evse_id, transaction.connector_id) == (connector.evse_id, connector.connector_id)
    if transaction.evse_id:
        return transaction.evse_id == connector.evse_id
    return transaction.connector_id == connector.connector_id
