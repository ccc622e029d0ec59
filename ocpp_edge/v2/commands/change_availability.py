"""ChangeAvailability (OCPP 2.x)."""

from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, told_by_status
from ocpp_edge.rpc.frames import Payload


def ask(body: command_pb.ChangeAvailability, _command_id: str) -> Asked:
    out = body.availability == Connector.INOPERATIVE
    payload: Payload = {"operationalStatus": "Inoperative" if out else "Operative"}
    if body.evse_id or body.connector_id:
        payload["evse"] = {"id": body.evse_id or body.connector_id}
        if body.evse_id and body.connector_id:
            payload["evse"]["connectorId"] = body.connector_id
    return "ChangeAvailability", payload


COMMAND = Dialect(ask, told_by_status("Accepted", "Scheduled"))
