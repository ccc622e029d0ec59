"""UnlockConnector (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.commands.results import unlock_result
from ocpp_edge.effects import in_ledger
from ocpp_edge.facts.places import evse_of


def ask(body: command_pb.Unlock, _command_id: str) -> Asked:
    evse_id, connector_id = evse_of(body)
    return "UnlockConnector", {"evseId": evse_id, "connectorId": connector_id or 1}


COMMAND = Dialect(ask, by_status("Unlocked"), result=unlock_result, effects={"UnlockConnector": in_ledger()})
