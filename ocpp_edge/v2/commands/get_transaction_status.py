"""GetTransactionStatus (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.commands.results import transaction_status_result
from ocpp_edge.effects import in_ledger


def ask(body: command_pb.GetTransactionStatus, _command_id: str) -> Asked:
    return "GetTransactionStatus", {"transactionId": body.ocpp_transaction_id} if body.ocpp_transaction_id else {}


COMMAND = Dialect(
    ask,
    no_status,
    result=transaction_status_result,
    effects={"GetTransactionStatus": in_ledger("transaction_events.kind")},
)
