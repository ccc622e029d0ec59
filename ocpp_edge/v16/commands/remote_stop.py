"""RemoteStopTransaction (OCPP 1.6)."""

import re

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from services.kernel.errors import invalid

_NUMBER = re.compile(r"-?[0-9]{1,20}")
# What JSON carries as a whole number, and charge points can have told.
_WHOLE = range(-(2**63), 2**64)


def ask(body: command_pb.RemoteStop, _command_id: str) -> Asked:
    # Whatever number a charge point goes by: some count below zero.
    if not _NUMBER.fullmatch(body.ocpp_transaction_id) or int(body.ocpp_transaction_id) not in _WHOLE:
        raise invalid("transactionId", "is not the number of a transaction of OCPP 1.6")
    return "RemoteStopTransaction", {"transactionId": int(body.ocpp_transaction_id)}


COMMAND = Dialect(ask, ACCEPTED, effects={"RemoteStopTransaction": in_ledger("transactions.stop_reason")})
