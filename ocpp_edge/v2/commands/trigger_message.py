"""TriggerMessage (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload


def ask(body: command_pb.TriggerMessage, _command_id: str) -> Asked:
    payload: Payload = {"requestedMessage": body.message}
    if body.connector_id:
        payload["evse"] = {"id": body.connector_id}
        if body.message == "StatusNotification":
            payload["evse"]["connectorId"] = 1  # use case F06: a status is that of a connector
    return "TriggerMessage", payload


COMMAND = Dialect(ask, ACCEPTED, effects={"TriggerMessage": in_ledger()})
