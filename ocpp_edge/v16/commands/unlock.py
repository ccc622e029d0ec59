"""UnlockConnector (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.commands.results import unlock_result
from ocpp_edge.effects import in_ledger
from ocpp_edge.facts.places import connector_of


def ask(body: command_pb.Unlock, _command_id: str) -> Asked:
    return "UnlockConnector", {"connectorId": connector_of(body)}


COMMAND = Dialect(ask, by_status("Unlocked"), result=unlock_result, effects={"UnlockConnector": in_ledger()})
