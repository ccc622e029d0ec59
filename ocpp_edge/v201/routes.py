"""What a charging station of OCPP 2.0.1 may ask."""

from ocpp_edge.backend.ports import Backend
from ocpp_edge.leniency.repair import mend
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v2.routes import HANDLERS, INSTANT
from ocpp_edge.versions import Version


def route_table() -> RouteTable[Backend]:
    """The table of this version, with what real stations get wrong forgiven."""
    return RouteTable(Version.V201, HANDLERS, mend=mend, instant=INSTANT)
