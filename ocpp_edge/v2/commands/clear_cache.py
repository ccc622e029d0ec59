"""ClearCache (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger


def ask(_body: command_pb.ClearCache, _command_id: str) -> Asked:
    return "ClearCache", {}


COMMAND = Dialect(ask, ACCEPTED, effects={"ClearCache": in_ledger()})
