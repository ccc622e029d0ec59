"""UnlockConnector (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, told_by_status
from ocpp_edge.commands.results import unlock_result


def ask(body: command_pb.Unlock, _command_id: str) -> Asked:
    """Without an EVSE number, connectors are counted through the station: one for each EVSE."""
    evse_id, connector_id = (body.evse_id, body.connector_id) if body.evse_id else (body.connector_id, 1)
    return "UnlockConnector", {"evseId": evse_id, "connectorId": connector_id}


COMMAND = Dialect(ask, told_by_status("Unlocked"), result=unlock_result)
