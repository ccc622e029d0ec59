"""What a charging station of OCPP 2.1 may ask: all that 2.0.1 has, and what is its own."""

from ocpp_edge.backend.ports import Backend
from ocpp_edge.leniency.repair import mend
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.rpc.schemas import load
from ocpp_edge.v2.routes import HANDLERS, INSTANT
from ocpp_edge.v21 import notify_periodic_event_stream, transaction_event
from ocpp_edge.versions import Version

_HANDLERS = {**HANDLERS, "TransactionEvent": transaction_event.handle}
_NOTICES = {"NotifyPeriodicEventStream": notify_periodic_event_stream.handle}


def route_table() -> RouteTable[Backend]:
    """The table of this version, with what real stations get wrong forgiven.

    The blocks that came with 2.1 (DER, V2X, battery swap, tariffs, payment and what else) are not known here: a station
    is told so, and does without.
    """
    came_with_2_1 = load(Version.V21).requests.keys() - load(Version.V201).requests.keys()
    return RouteTable(
        Version.V21,
        _HANDLERS,
        _NOTICES,
        mend=mend,
        instant=INSTANT,
        unknown_blocks=came_with_2_1 - _HANDLERS.keys() - _NOTICES.keys(),
    )
