"""ChangeAvailability (OCPP 1.6)."""

from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.facts.places import connector_of
from ocpp_edge.rpc.frames import Payload


def ask(body: command_pb.ChangeAvailability, _command_id: str) -> Asked:
    out = body.availability == Connector.INOPERATIVE
    payload: Payload = {
        "connectorId": connector_of(body),
        "type": "Inoperative" if out else "Operative",
    }
    return "ChangeAvailability", payload


COMMAND = Dialect(ask, by_status("Accepted", "Scheduled"), effects={"ChangeAvailability": in_ledger()})
