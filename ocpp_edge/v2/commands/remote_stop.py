"""RequestStopTransaction (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger


def ask(body: command_pb.RemoteStop, _command_id: str) -> Asked:
    return "RequestStopTransaction", {"transactionId": body.ocpp_transaction_id}


COMMAND = Dialect(ask, ACCEPTED, effects={"RequestStopTransaction": in_ledger("transactions.stop_reason")})
