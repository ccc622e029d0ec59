"""Reset (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload


def ask(body: command_pb.Reset, _command_id: str) -> Asked:
    payload: Payload = {"type": "Immediate" if body.type == command_pb.Reset.HARD else "OnIdle"}
    if body.evse_id:
        payload["evseId"] = body.evse_id
    return "Reset", payload


COMMAND = Dialect(ask, by_status("Accepted", "Scheduled"), effects={"Reset": in_ledger("charge_points.boot_time")})
