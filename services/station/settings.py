"""The settings of the station service beside those that every service has."""

from typing import Annotated

from pydantic import Field

from services.process.settings import ServiceSettings


class StationSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # Whether charge points that nobody registered may connect and wait, as PENDING, for an operator.
    ocpp_allow_unknown: bool = False
    # How many of them may wait at a time; more are refused.
    ocpp_max_unknown: Annotated[int, Field(ge=1, le=100_000)] = 1000
    # How long it is kept who was refused, and a charge point that nobody registered or accepted.
    ocpp_refusal_retention_days: Annotated[int, Field(ge=1, le=365)] = 30
    # For how long is kept what charge points notify of themselves.
    device_events_retention_days: Annotated[int, Field(ge=1, le=3650)] = 400
    # For how long is kept what the values of their variables were before.
    device_variable_changes_retention_days: Annotated[int, Field(ge=1, le=3650)] = 400
    # Whether a charge point that has not told all of its variables since its firmware is what it is, is asked for them
    # after a boot; five a second, 20 at a time.
    ocpp_ask_inventory: bool = True
    # What the edge nodes renew their lease by: a new node has it from its first connection, and after a start of this
    # service no node is taken for dead before it had that time to report.
    ocpp_node_lease_seconds: Annotated[int, Field(ge=5, le=300)] = 30
