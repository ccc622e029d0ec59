"""SetVariables of several variables (OCPP 2.x)."""

from csms.transaction.v1 import change_settings_pb2 as settings_pb
from csms.transaction.v1.command_result_pb2 import CommandResult, SettingsResult
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.results import status_of
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.variables import CHANGED, key_at, variable_of


def ask(body: settings_pb.ChangeSettings, _command_id: str) -> Asked:
    requested = [
        {**variable_of(one.key, f"settings[{position}].key"), "attributeValue": one.value}
        for position, one in enumerate(body.settings)
    ]
    return "SetVariables", {"setVariableData": requested}


def reply(answer: Payload) -> tuple[bool, str]:
    """Whether all were changed, and the first status that says no, or that of the first."""
    statuses = [str(one.get("attributeStatus", "")) for one in answer.get("setVariableResult", ())]
    refused = [status for status in statuses if status not in CHANGED]
    return bool(statuses) and not refused, next(iter([*refused, *statuses]), "")


def result(answer: Payload) -> CommandResult:
    settings = SettingsResult()
    for entry in answer.get("setVariableResult", ()):
        key = key_at(entry.get("component", {}), entry.get("variable", {}))
        status = status_of(entry.get("attributeStatus", ""), entry.get("attributeStatusInfo")).status
        settings.entries.add(key=key, status=status)
    return CommandResult(settings=settings)


COMMAND = Dialect(
    ask, reply, result=result, item="settings[{}].value", effects={"SetVariables": in_ledger("device_variables.value")}
)
