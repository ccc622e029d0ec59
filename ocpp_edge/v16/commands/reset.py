"""Reset (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.answers import not_supported


def ask(body: command_pb.Reset, _command_id: str) -> Asked:
    if body.evse_id:
        raise not_supported("reset of a single EVSE in OCPP 1.6")
    return "Reset", {"type": "Hard" if body.type == command_pb.Reset.HARD else "Soft"}


COMMAND = Dialect(ask, ACCEPTED, effects={"Reset": in_ledger("charge_points.boot_time")})
