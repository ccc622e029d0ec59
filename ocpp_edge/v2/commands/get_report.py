"""GetReport (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.variables import component_variable
from services.kernel.ids import request_number

_CRITERIA = {
    command_pb.GetReport.ACTIVE: "Active",
    command_pb.GetReport.AVAILABLE: "Available",
    command_pb.GetReport.ENABLED: "Enabled",
    command_pb.GetReport.PROBLEM: "Problem",
}


def ask(body: command_pb.GetReport, command_id: str) -> Asked:
    payload: Payload = {"requestId": request_number(command_id)}
    if body.component_criteria:
        payload["componentCriteria"] = [_CRITERIA[criterion] for criterion in body.component_criteria]
    if body.component_variables:
        payload["componentVariable"] = [component_variable(requested) for requested in body.component_variables]
    return "GetReport", payload


# A report of nothing: the question was understood.
COMMAND = Dialect(
    ask,
    by_status("Accepted", "EmptyResultSet"),
    item="componentVariables[{}]",
    effects={"GetReport": in_ledger("device_reports.command_id")},
)
