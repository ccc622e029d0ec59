"""GetMonitoringReport (OCPP 2.x, use case N02)."""

from csms.transaction.v1 import variable_monitoring_pb2 as monitoring_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.variables import component_variable
from services.kernel.ids import request_number

_CRITERIA = {
    monitoring_pb.GetMonitoringReport.THRESHOLD: "ThresholdMonitoring",
    monitoring_pb.GetMonitoringReport.DELTA: "DeltaMonitoring",
    monitoring_pb.GetMonitoringReport.PERIODIC: "PeriodicMonitoring",
}


def ask(body: monitoring_pb.GetMonitoringReport, command_id: str) -> Asked:
    payload: Payload = {"requestId": request_number(command_id)}
    if body.criteria:
        payload["monitoringCriteria"] = [_CRITERIA[criterion] for criterion in body.criteria]
    if body.component_variables:
        payload["componentVariable"] = [component_variable(requested) for requested in body.component_variables]
    return "GetMonitoringReport", payload


# A report of nothing: the question was understood.
COMMAND = Dialect(
    ask,
    by_status("Accepted", "EmptyResultSet"),
    item="componentVariables[{}]",
    effects={"GetMonitoringReport": in_ledger("monitoring_reports.command_id")},
)
