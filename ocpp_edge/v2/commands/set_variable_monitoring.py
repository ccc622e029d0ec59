"""SetVariableMonitoring (OCPP 2.x, use case N04)."""

from csms.station.v1.device_monitor_pb2 import DeviceMonitor
from csms.transaction.v1 import variable_monitoring_pb2 as monitoring_pb
from csms.transaction.v1.command_result_pb2 import CommandResult, MonitorsResult
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.results import status_of
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.monitors import TYPES, number_of_monitor
from ocpp_edge.v2.variables import component_variable, key_at

_WORDS = {kind: word for word, kind in TYPES.items()}


def ask(body: monitoring_pb.SetVariableMonitoring, _command_id: str) -> Asked:
    return "SetVariableMonitoring", {"setMonitoringData": [_data(one) for one in body.monitors]}


def _data(monitor: monitoring_pb.MonitorSetting) -> Payload:
    value = monitor.value
    data: Payload = {
        "value": int(value) if value.is_integer() else value,
        "type": _WORDS.get(monitor.type, DeviceMonitor.Type.Name(monitor.type)),
        "severity": monitor.severity,
        **component_variable(monitor),
    }
    if monitor.during_transaction:
        data["transaction"] = True
    return data | ({"id": monitor.monitor_id} if monitor.HasField("monitor_id") else {})


def reply(answer: Payload) -> tuple[bool, str]:
    """Whether all are set, and the first status that says no, or that of the first."""
    statuses = [str(one.get("status", "")) for one in answer.get("setMonitoringResult", ())]
    refused = [status for status in statuses if status != "Accepted"]
    return bool(statuses) and not refused, next(iter([*refused, *statuses]), "")


def result(answer: Payload) -> CommandResult:
    monitors = MonitorsResult()
    for entry in answer.get("setMonitoringResult", ()):
        monitors.entries.add(
            monitor_id=number_of_monitor(entry),
            key=key_at(entry.get("component", {}), entry.get("variable", {})),
            status=status_of(entry.get("status", ""), entry.get("statusInfo")).status,
        )
    return CommandResult(monitors=monitors)


COMMAND = Dialect(
    ask,
    reply,
    result=result,
    item="monitors[{}]",
    effects={"SetVariableMonitoring": in_ledger("device_monitors.value")},
)
