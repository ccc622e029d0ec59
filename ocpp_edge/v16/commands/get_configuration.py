"""GetConfiguration (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, no_status


def ask(body: command_pb.GetConfiguration, _command_id: str) -> Asked:
    return "GetConfiguration", {"key": list(body.keys)} if body.keys else {}


COMMAND = Dialect(ask, no_status)
