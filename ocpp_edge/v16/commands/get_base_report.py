"""A base report: GetConfiguration without keys (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.commands.results import taken
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.answers import not_supported


def ask(body: command_pb.GetBaseReport, _command_id: str) -> Asked:
    """Its keys are all that a charge point has to tell, and nearly all of them can be configured."""
    if body.base == command_pb.GetBaseReport.SUMMARY_INVENTORY:
        raise not_supported("a summary inventory in OCPP 1.6")
    return "GetConfiguration", {}


COMMAND = Dialect(ask, no_status, result=taken, effects={"GetConfiguration": in_ledger("device_variables.value")})
