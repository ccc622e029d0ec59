"""Stations and what stands at them, to begin with."""

from datetime import UTC, datetime

from services.kernel.errors import DomainError
from services.kernel.tenancy import DEFAULT_TENANT
from services.station.domain.charge_point import ChargePoint
from services.station.domain.connection import ConnectionAttempt
from services.station.domain.connector import Connector
from services.station.domain.station import Station

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

STATION = Station(id="01890a5d-ac96-774b-bcce-b302099a8057", name="North", create_time=NOW, update_time=NOW)
CHARGE_POINT = ChargePoint(id="CP1", create_time=NOW, update_time=NOW, tenant_id=DEFAULT_TENANT)
CONNECTOR = Connector(
    id="01890a5d-ac96-774b-bcce-b302099a8058", charge_point_id=CHARGE_POINT.id, evse_id=1, connector_id=1
)
ATTEMPT = ConnectionAttempt(
    charge_point_id=CHARGE_POINT.id,
    protocol="ocpp1.6",
    node="edge-1",
    node_address="10.0.0.1:14000",
    remote_address="192.0.2.1",
    password=None,
    certificate_common_name="",
    security_profile=0,
)


def fields_of(error: DomainError) -> list[str]:
    """The fields at fault."""
    return [violation.field for violation in error.violations]
