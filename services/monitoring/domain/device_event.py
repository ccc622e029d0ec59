"""What charge points notify of themselves, as far as it becomes alerts."""

from dataclasses import dataclass

from services.kernel.tenancy import DEFAULT_TENANT
from services.monitoring.domain.alert import AlertSeverity

SECURITY_EVENT = "security_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """A security event, or a component that is in trouble or, when it `is_resolved`, no more; of a monitored value that
    is beyond its bounds, with the number of the monitor, if it has one, and the value.

    What `is_vendor_specific` is a security event that OCPP does not name: there may be any number of those.
    """

    charge_point_id: str
    station_id: str | None
    kind: str
    subject: str
    is_vendor_specific: bool
    severity: AlertSeverity
    info: str
    evse_id: int
    connector_id: int
    is_resolved: bool
    monitor_id: int | None = None
    value: str = ""
    tenant_id: str = DEFAULT_TENANT
