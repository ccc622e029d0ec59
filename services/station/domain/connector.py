"""Connectors: what they are, and what a status report makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.kernel.validation import Violations
from services.station.domain.device import told_text
from services.station.domain.free_vending import FreeVending

NO_ERROR = "NoError"
# Charge point, EVSE and connector number: what names a connector in the field.
ConnectorKey = tuple[str, int, int]

_GREATEST_NUMBER = 1000
_SOON_AFTER_BOOT = timedelta(minutes=5)
_ONLY_CONNECTOR = 1
_PLACE = {"charge_point_id": "chargePointId", "evse_id": "evseId", "connector_id": "connectorId"}


class ConnectorType(StrEnum):
    """What kind of plug or socket it is."""

    TYPE1 = "TYPE1"
    TYPE2 = "TYPE2"
    CCS1 = "CCS1"
    CCS2 = "CCS2"
    CHADEMO = "CHADEMO"
    NACS = "NACS"
    GBT_AC = "GBT_AC"
    GBT_DC = "GBT_DC"
    DOMESTIC = "DOMESTIC"


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


# What an EVSE of several connectors says of each.
_OF_ALL = (ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED)


class Availability(StrEnum):
    """Whether the operator lets a connector be used."""

    OPERATIVE = "OPERATIVE"
    INOPERATIVE = "INOPERATIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One plug or socket. EVSE 0 with connector 0 stands for the charge point as a whole and is in no list.

    `reported_status` is what the charge point called a status that OCPP does not have; then `status` is None.
    `free_vending` is None for what its charge point says.
    """

    id: str
    charge_point_id: str
    evse_id: int
    connector_id: int
    type: ConnectorType | None = None
    max_power_w: int = 0
    status: ConnectorStatus | None = None
    reported_status: str = ""
    error_code: str = NO_ERROR
    availability: Availability = Availability.OPERATIVE
    status_time: datetime | None = None
    free_vending: FreeVending | None = None
    station_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """A StatusNotification. `time` is as `device.told_time` makes it; `received_time` is when the edge had it."""

    charge_point_id: str
    epoch: int
    evse_id: int
    connector_id: int
    status: ConnectorStatus | None
    error_code: str
    info: str
    vendor_error_code: str
    time: datetime
    received_time: datetime
    reported_status: str = ""


def key_of(thing: Connector | StatusReport) -> ConnectorKey:
    """What names it in the field."""
    return thing.charge_point_id, thing.evse_id, thing.connector_id


def validated(connector: Connector, field: str = "connector") -> Connector:
    """`connector` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations(field)
    violations.check(bool(connector.charge_point_id), "chargePointId", "must be set")
    violations.number("connectorId", connector.connector_id, 1, _GREATEST_NUMBER)
    violations.number("evseId", connector.evse_id, 1, _GREATEST_NUMBER)
    violations.number("maxPowerW", connector.max_power_w, 0, 10_000_000)
    violations.raise_if_any()
    return connector


def changed(connector: Connector, changes: Mapping[str, Any]) -> Connector:
    """`connector` after `changes` (field name to new value). Raises: INVALID_FIELD."""
    violations = Violations("connector")
    for name, path in _PLACE.items():
        fixed = getattr(connector, name)
        violations.check((changes.get(name) or fixed) == fixed, path, "cannot be changed")
    violations.raise_if_any()
    return validated(replace(connector, **{name: value for name, value in changes.items() if name not in _PLACE}))


def checked(report: StatusReport) -> StatusReport:
    """`report` itself. Raises: INVALID_FIELD for numbers that no connector has."""
    violations = Violations()
    violations.number("evseId", report.evse_id, 0, _GREATEST_NUMBER)
    violations.number("connectorId", report.connector_id, 0, _GREATEST_NUMBER)
    violations.raise_if_any()
    return report


def is_of_evse(thing: ConnectorKey) -> bool:
    """Whether what is named is an EVSE of OCPP 2.x, and none of its connectors."""
    _, evse_id, connector_id = thing
    return evse_id > 0 and connector_id == 0


def of_connectors(report: StatusReport, plugs: Sequence[Connector]) -> list[StatusReport]:
    """What a report says of connectors: itself, unless it is of an EVSE, whose connectors are `plugs`.

    One that has a single connector, as nearly all have, does what that does. Of several all are free, out of service or
    broken when the EVSE is; which of them is in use it does not say.
    """
    if not is_of_evse(key_of(report)):
        return [report]
    numbers = [plug.connector_id for plug in plugs] or [_ONLY_CONNECTOR]
    if len(numbers) > 1 and report.status not in _OF_ALL:
        return []
    return [replace(report, connector_id=number) for number in numbers]


def reported(connector: Connector, report: StatusReport) -> Connector:
    """`connector` after a report; itself when the report is older than what is known or repeats it.

    Of reports of one moment the last to come counts: many clocks know no more than seconds.
    """
    if connector.status_time is not None and report.time < connector.status_time:
        return connector
    after = shown(connector, report)
    return connector if after == connector else after


def shown(connector: Connector, report: StatusReport) -> Connector:
    """`connector` as a report shows it."""
    error_code = told_text(report.error_code) or NO_ERROR
    return replace(
        connector,
        status=report.status,
        reported_status="" if report.status else told_text(report.reported_status),
        error_code=error_code,
        status_time=report.time,
    )


def tells_news(before: Connector, after: Connector) -> bool:
    """Whether others need to hear of it: a repeat of the same status at a later time is none."""
    return _reported(before) != _reported(after)


def confirms(report: StatusReport, before: Connector, boot_time: datetime | None) -> bool:
    """Whether a report that is no news says what a connector does since its charge point has booted: others may have to
    know that it does the same as before. Clocks may be wrong then, so all that comes soon after a boot counts."""
    if boot_time is None or report.received_time < boot_time:
        return False
    is_first = before.status_time is None or before.status_time < boot_time
    return is_first or report.received_time - boot_time < _SOON_AFTER_BOOT


def _reported(connector: Connector) -> tuple[ConnectorStatus | None, str, str]:
    return connector.status, connector.reported_status, connector.error_code
