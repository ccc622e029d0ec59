"""Monitors: what a charge point watches of its variables, and what it notifies when that happens.

Pure. Of what is told of a monitor the newest stays, whatever order it came in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.station.domain.device_report import ReportPart
from services.station.domain.device_variable import Telling


class MonitorType(StrEnum):
    """What about a value is watched."""

    UPPER_THRESHOLD = "UPPER_THRESHOLD"
    LOWER_THRESHOLD = "LOWER_THRESHOLD"
    DELTA = "DELTA"
    PERIODIC = "PERIODIC"
    PERIODIC_CLOCK_ALIGNED = "PERIODIC_CLOCK_ALIGNED"
    TARGET_DELTA = "TARGET_DELTA"
    TARGET_DELTA_RELATIVE = "TARGET_DELTA_RELATIVE"


class MonitorKind(StrEnum):
    """Whose monitor it is."""

    CUSTOM = "CUSTOM"
    PRECONFIGURED = "PRECONFIGURED"
    HARD_WIRED = "HARD_WIRED"


class Trigger(StrEnum):
    """Why a variable was told."""

    ALERTING = "ALERTING"
    DELTA = "DELTA"
    PERIODIC = "PERIODIC"


class Watched(NamedTuple):
    """What names a variable within its charge point, as it was written."""

    component: str
    component_instance: str
    evse_id: int
    connector_id: int
    variable: str
    variable_instance: str

    @property
    def subject(self) -> str:
        """`Component[instance].Variable[instance]`, as events name it."""
        parts = ((self.component, self.component_instance), (self.variable, self.variable_instance))
        return ".".join(f"{name}[{instance}]" if instance else name for name, instance in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMonitor:
    """What one message tells of one monitor; of one that `is_gone` nothing else. None for what is not told."""

    monitor_id: int
    watched: Watched | None = None
    type: MonitorType | None = None
    value: float | None = None
    severity: int | None = None
    is_during_transaction: bool = False
    kind: MonitorKind | None = None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """What one message tells of monitors. All of `gone_kinds` were taken away."""

    monitors: Sequence[ReportedMonitor]
    part: ReportPart | None = None
    gone_kinds: Sequence[MonitorKind] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoredChange:
    """What is told of a variable beside its value: why, and by which monitor. `severity` is 0 (the worst) to 9."""

    trigger: Trigger | None
    is_cleared: bool
    monitor_id: int | None
    severity: int | None


class MonitorKey(NamedTuple):
    """What names a monitor."""

    charge_point_id: str
    monitor_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMonitor:
    """What is known of a monitor, by the newest that told of it. `absent_time` is when it was told last that the charge
    point has it no more."""

    charge_point_id: str
    monitor_id: int
    watched: Watched
    type: MonitorType | None
    value: float | None
    severity: int | None
    is_during_transaction: bool
    kind: MonitorKind | None
    first_seen_time: datetime
    telling: Telling
    action: str
    absent_time: datetime | None = None

    @property
    def key(self) -> MonitorKey:
        return MonitorKey(self.charge_point_id, self.monitor_id)

    @property
    def gone_time(self) -> datetime | None:
        """Since when it is gone; None while it is there."""
        return self.absent_time if self.absent_time is not None and self.absent_time > self.telling.time else None


class Sighting(NamedTuple):
    """Something that is told of a monitor of a charge point, when and by what."""

    charge_point_id: str
    reported: ReportedMonitor
    telling: Telling
    action: str

    @property
    def key(self) -> MonitorKey:
        return MonitorKey(self.charge_point_id, self.reported.monitor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMonitorFilter:
    """Which monitors of a charge point a list holds; an empty or None field does not narrow it."""

    charge_point_id: str
    component: str = ""
    variable: str = ""
    text: str = ""
    type: MonitorType | None = None
    kind: MonitorKind | None = None
    severity: int | None = None
    evse_id: int = 0
    gone: bool | None = None


def seen(
    known: Mapping[MonitorKey, DeviceMonitor], sightings: Iterable[Sighting]
) -> Mapping[MonitorKey, DeviceMonitor]:
    """What is known of the monitors that the sightings are about; of those that were only told to be gone nothing,
    unless they are `known`."""
    after: dict[MonitorKey, DeviceMonitor] = {}
    for sighting in sightings:
        before = after.get(sighting.key) or known.get(sighting.key)
        monitor = _after(before, sighting)
        if monitor is not None:
            after[sighting.key] = monitor
    return after


def _after(before: DeviceMonitor | None, sighting: Sighting) -> DeviceMonitor | None:
    reported, telling = sighting.reported, sighting.telling
    if reported.is_gone:
        if before is None:
            return None
        return replace(before, absent_time=max(before.absent_time or telling.time, telling.time))
    if reported.watched is None:
        return before
    if before is not None and telling <= before.telling:
        return replace(before, first_seen_time=min(before.first_seen_time, telling.time))
    # A report of OCPP 2.0.1 does not say whose a monitor is.
    is_same = before is not None and (before.watched, before.type) == (reported.watched, reported.type)
    return DeviceMonitor(
        charge_point_id=sighting.charge_point_id,
        monitor_id=reported.monitor_id,
        watched=reported.watched,
        type=reported.type,
        value=reported.value,
        severity=reported.severity,
        is_during_transaction=reported.is_during_transaction,
        kind=reported.kind or (before.kind if before is not None and is_same else None),
        first_seen_time=before.first_seen_time if before is not None else telling.time,
        telling=telling,
        action=sighting.action,
        absent_time=before.absent_time if before is not None else None,
    )
