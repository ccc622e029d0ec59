"""The settings of the monitoring service beside those that every service has."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.chassis.settings import Port, ServiceSettings

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

    # Each open stream of events costs memory here and a consumer at the event bus.
    event_stream_limit: Annotated[int, Field(ge=1, le=10_000)] = 500
    # How long minutes of metrics are kept; the longest window that may be asked for is 90 days.
    metrics_retention_days: Annotated[int, Field(ge=2, le=3660)] = 93
    # How long usage is kept.
    usage_retention_days: Annotated[int, Field(ge=31, le=36_600)] = 1100
