"""The settings of the station service beside those that every service has."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import ServiceSettings


class StationSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # Whether charge points that nobody registered may connect and wait, as PENDING, for an operator.
    ocpp_allow_unknown: bool = False
    # What the edge nodes renew their lease by: a new node has it from its first connection, and after a start of this
    # service no node is taken for dead before it had that time to report.
    ocpp_node_lease_seconds: Annotated[int, Field(ge=5, le=300)] = 30
