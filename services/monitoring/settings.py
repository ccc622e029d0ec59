"""The settings of the monitoring service beside those that every service has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.monitoring.domain.service_info import ServicePlace
from services.process.settings import Port, ServiceSettings

_CHECKOUT = Path(__file__).resolve().parents[2]


class MonitoringSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # The public ports, for the list of services.
    station_port: Port = 3001
    driver_port: Port = 3002
    billing_port: Port = 3003
    monitoring_port: Port = 3004
    transaction_port: Port = 4001
    ocpp_websocket_port: Port = 4000

    # Made from the contracts by `make protos`.
    openapi_file: Path = _CHECKOUT / "proto" / "openapi.json"

    # Each open stream of events costs memory here and a consumer at the event bus. One tenant has four
    # fifths of them at most.
    event_stream_limit: Annotated[int, Field(ge=1, le=10_000)] = 500
    # How long minutes of metrics are kept; the longest window that may be asked for is 90 days.
    metrics_retention_days: Annotated[int, Field(ge=2, le=3660)] = 93
    # How long usage is kept.
    usage_retention_days: Annotated[int, Field(ge=31, le=36_600)] = 1100

    @property
    def retention_days(self) -> Mapping[str, int]:
        """How many days the tables that are partitioned by day keep."""
        # The longest span that predictions look at is a day.
        return {"station_metrics": self.metrics_retention_days, "incidents": 2}

    def places(self) -> list[ServicePlace]:
        """Every service of the platform with its addresses."""
        return [
            ServicePlace(name=name, address=address, public_port=port)
            for name, address, port in (
                ("station", self.station_service_url, self.station_port),
                ("driver", self.driver_service_url, self.driver_port),
                ("billing", self.billing_service_url, self.billing_port),
                ("monitoring", self.monitoring_service_url, self.monitoring_port),
                ("transaction", self.transaction_service_url, self.transaction_port),
                ("edge", self.edge_service_url, self.ocpp_websocket_port),
            )
        ]
