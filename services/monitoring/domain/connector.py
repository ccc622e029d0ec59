"""Connectors as their charge points report them: what the newest report says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from services.kernel.tenancy import DEFAULT_TENANT

_NO_ERRORS = frozenset({"", "NoError"})
_NEVER = datetime.min.replace(tzinfo=UTC)


class ConnectorStatus(StrEnum):
    """What a connector is doing, in the words of OCPP."""

    AVAILABLE = "AVAILABLE"
    PREPARING = "PREPARING"
    CHARGING = "CHARGING"
    SUSPENDED_EVSE = "SUSPENDED_EVSE"
    SUSPENDED_EV = "SUSPENDED_EV"
    FINISHING = "FINISHING"
    RESERVED = "RESERVED"
    UNAVAILABLE = "UNAVAILABLE"
    FAULTED = "FAULTED"
    OCCUPIED = "OCCUPIED"


ConnectorKey = tuple[str, int, int]
"""Charge point, EVSE and number of a connector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A connector after a report. Number 0 stands for the charge point as a whole and is in no list.

    `status_time` is the device's; `told_time` is when the station service told of it, which orders reports of one
    moment and snapshots that repeat them.
    """

    charge_point_id: str
    evse_id: int
    connector_id: int
    status: ConnectorStatus | None
    error_code: str = ""
    info: str = ""
    status_time: datetime | None
    told_time: datetime

    @property
    def key(self) -> ConnectorKey:
        """What names it in the field."""
        return self.charge_point_id, self.evse_id, self.connector_id

    @property
    def is_faulted(self) -> bool:
        """Whether it is broken, by its own words: an error beside a status that nobody knows counts as a fault."""
        if self.status is None:
            return self.error_code not in _NO_ERRORS
        return self.status is ConnectorStatus.FAULTED


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """A connector as it has just been reported, its station, if it has one, and its tenant."""

    connector: Connector
    station_id: str | None
    tenant_id: str = DEFAULT_TENANT


def is_newer(report: Connector, known: Connector | None) -> bool:
    """Whether a report says more than what is known: the later device time counts, then the later telling."""
    return known is None or _rank(report) > _rank(known)


def _rank(connector: Connector) -> tuple[datetime, datetime]:
    return connector.status_time or _NEVER, connector.told_time
