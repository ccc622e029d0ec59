"""Charge points: where they stand and whether they are online, told by events in any order.

Epochs order the connections of a charge point. They begin anew when it is deleted and created again; its creation
time tells the two apart.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from services.kernel.tenancy import DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePoint:
    """A charge point as far as events told.

    `placed_time` is when its station was told, `changed_time` when its connection was; None for never. `epoch` is 0
    as long as no connection was told of. `removed` means that it is offline and was taken away from its station.
    `accepted` is whether an operator takes it in, as was told at `accepted_time`; None as long as it was not.
    """

    id: str
    station_id: str | None = None
    placed_time: datetime | None = None
    created_time: datetime | None = None
    online: bool = False
    epoch: int = 0
    changed_time: datetime | None = None
    removed: bool = False
    accepted: bool | None = None
    accepted_time: datetime | None = None
    tenant_id: str = DEFAULT_TENANT

    @property
    def is_missed(self) -> bool:
        """Whether anybody waits for it: nobody does for what was never accepted, or was rejected."""
        return self.accepted is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityChange:
    """A connection that was opened or closed."""

    charge_point_id: str
    station_id: str | None
    online: bool
    epoch: int
    reason: str
    time: datetime
    accepted: bool | None = None
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointSnapshot:
    """A charge point as the station service showed it at `told_time`."""

    id: str
    created_time: datetime | None
    accepted: bool | None = None
    online: bool
    last_seen_time: datetime | None
    told_time: datetime
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Whether a charge point is connected, as the list of connections showed at `time`."""

    charge_point_id: str
    online: bool
    epoch: int
    time: datetime


def connected(point: ChargePoint, change: ConnectivityChange) -> ChargePoint:
    """`point` after a change of its connection; as it was connected when a newer one is known."""
    point = _judged(point, change.accepted, change.time)
    if point.created_time is not None and change.time < point.created_time:
        return point
    if point.changed_time is None or change.time >= point.changed_time:
        point = _owned(point, change.tenant_id)
    if (change.epoch, not change.online) <= (point.epoch, not point.online):
        return point
    return _turned(point, change.online, change.epoch, change.time)


def shown(point: ChargePoint, snapshot: ChargePointSnapshot) -> ChargePoint:
    """`point` after a snapshot, which tells of its connection only where no event did."""
    if snapshot.created_time is not None and (point.created_time is None or snapshot.created_time > point.created_time):
        point = replace(point, created_time=snapshot.created_time)
        if point.changed_time is not None and point.changed_time < snapshot.created_time:
            # What is known is of an earlier charge point with this identity.
            point = replace(point, online=False, epoch=0, changed_time=None)
    if snapshot.created_time == point.created_time:
        # An earlier charge point with this identity may have been another tenant's.
        point = _owned(point, snapshot.tenant_id)
    point = _judged(point, snapshot.accepted, snapshot.told_time)
    if point.epoch:
        return point
    changed_time = snapshot.told_time if snapshot.online else snapshot.last_seen_time
    if changed_time is None or (point.changed_time is not None and changed_time <= point.changed_time):
        return point
    return _turned(point, snapshot.online, 0, changed_time)


def sighted(point: ChargePoint, sighting: Sighting) -> ChargePoint:
    """`point` after a look at the list of connections, which mends what lost events left wrong."""
    is_late = point.changed_time is not None and sighting.time <= point.changed_time
    if is_late or sighting.epoch < point.epoch or (sighting.epoch, sighting.online) == (point.epoch, point.online):
        return point
    return _turned(point, sighting.online, sighting.epoch, sighting.time)


def placed(point: ChargePoint, station_id: str, time: datetime) -> ChargePoint:
    """`point` at a station, unless it is known to stand elsewhere since."""
    if point.placed_time is not None and time < point.placed_time:
        return point
    return replace(point, station_id=station_id, placed_time=time, removed=False)


def taken_away(point: ChargePoint, station_id: str) -> ChargePoint:
    """`point` after its station no longer has it.

    `placed_time` stays: of a move, the news of the new station may carry the earlier time.
    """
    if point.station_id != station_id:
        return point
    return replace(point, station_id=None, removed=not point.online)


def deleted(point: ChargePoint) -> ChargePoint:
    """`point` after its owner no longer knows it. Should there be one of this identity again, its epochs begin anew."""
    return replace(
        point,
        station_id=None,
        online=False,
        epoch=0,
        changed_time=None,
        removed=True,
        accepted=None,
        accepted_time=None,
    )


def is_of_later_one(point: ChargePoint, created_time: datetime | None) -> bool:
    """Whether what is known is of another charge point with this identity, made after the one of `created_time`."""
    return created_time is not None and point.created_time is not None and created_time < point.created_time


def _judged(point: ChargePoint, accepted: bool | None, time: datetime) -> ChargePoint:
    """`point` after it was told whether an operator takes it in; itself when that is no news."""
    if accepted is None or (point.accepted_time is not None and time < point.accepted_time):
        return point
    return point if accepted == point.accepted else replace(point, accepted=accepted, accepted_time=time)


def _owned(point: ChargePoint, tenant_id: str) -> ChargePoint:
    """`point` as one of a tenant; itself when it is."""
    return point if point.tenant_id == tenant_id else replace(point, tenant_id=tenant_id)


def _turned(point: ChargePoint, online: bool, epoch: int, time: datetime) -> ChargePoint:
    return replace(point, online=online, epoch=epoch, changed_time=time, removed=point.removed and not online)
