"""What the station service tells the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.station.domain.charge_point import ChargePoint, ChargePointState
from services.station.domain.connector import Connector, ConnectorStatus
from services.station.domain.device_event import DeviceEvent
from services.station.domain.firmware_campaign import FirmwareCampaign
from services.station.domain.refusal import Refusal
from services.station.domain.station import Station


@dataclass(frozen=True, slots=True, kw_only=True)
class StationChanged:
    """A station was created, changed or deleted."""

    station: Station
    connectors: Sequence[Connector]
    charge_points: Sequence[ChargePoint]
    deleted: bool = False
    changed_configuration: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorAvailabilityChanged:
    """The operator took a connector in or out of operation."""

    connector: Connector


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatusChanged:
    """A connector's status changed or, when it `is_confirmed`, was told again after a boot, as `connector` shows it.
    `boot_time` is when its charge point had booted last."""

    connector: Connector
    previous_status: ConnectorStatus | None
    info: str
    vendor_error_code: str
    received_time: datetime
    tenant_id: str
    boot_time: datetime | None = None
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityChanged:
    """A charge point went online or offline."""

    charge_point_id: str
    station_id: str | None
    online: bool
    epoch: int
    state: ChargePointState
    tenant_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointBooted:
    """A charge point booted."""

    charge_point: ChargePoint
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointChanged:
    """A charge point was created, changed or deleted."""

    charge_point: ChargePoint
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRefused:
    """A charge point in service was refused at the handshake."""

    refusal: Refusal
    station_id: str | None
    tenant_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEventRecorded:
    """A charge point notified something that somebody should look at, or that there is no need to any more."""

    event: DeviceEvent
    station_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareCampaignChanged:
    """A firmware campaign reached another state."""

    campaign: FirmwareCampaign


DomainEvent = (
    StationChanged
    | ConnectorAvailabilityChanged
    | ConnectorStatusChanged
    | ConnectivityChanged
    | ChargePointBooted
    | ChargePointChanged
    | ConnectionRefused
    | DeviceEventRecorded
    | FirmwareCampaignChanged
)
