"""ClearVariableMonitoring (OCPP 2.x, use case N06)."""

from csms.transaction.v1 import variable_monitoring_pb2 as monitoring_pb
from csms.transaction.v1.command_result_pb2 import CommandResult, MonitorsResult
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.results import status_of
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.monitors import GONE, number_of_monitor


def ask(body: monitoring_pb.ClearVariableMonitoring, _command_id: str) -> Asked:
    return "ClearVariableMonitoring", {"id": list(body.monitor_ids)}


def reply(answer: Payload) -> tuple[bool, str]:
    """Whether none is there any more, and the first status that says otherwise, or that of the first."""
    statuses = [str(one.get("status", "")) for one in answer.get("clearMonitoringResult", ())]
    kept = [status for status in statuses if status not in GONE]
    return bool(statuses) and not kept, next(iter([*kept, *statuses]), "")


def result(answer: Payload) -> CommandResult:
    monitors = MonitorsResult()
    for entry in answer.get("clearMonitoringResult", ()):
        status = status_of(entry.get("status", ""), entry.get("statusInfo")).status
        monitors.entries.add(monitor_id=number_of_monitor(entry), status=status)
    return CommandResult(monitors=monitors)


COMMAND = Dialect(
    ask,
    reply,
    result=result,
    item="monitorIds[{}]",
    effects={"ClearVariableMonitoring": in_ledger("device_monitors.absent_time")},
)
