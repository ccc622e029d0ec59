"""ChangeConfiguration of one key after the other (OCPP 1.6)."""

from csms.transaction.v1 import change_settings_pb2 as settings_pb
from csms.transaction.v1.command_result_pb2 import CommandResult, SettingsResult
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.commands.results import setting_changed_16
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload


def ask(body: settings_pb.ChangeSettings, _command_id: str) -> Asked:
    return _change(body.settings[0])


def further(body: settings_pb.ChangeSettings) -> list[Asked]:
    return [_change(setting) for setting in body.settings[1:]]


def result(asked: Payload, answer: Payload) -> CommandResult:
    entry = SettingsResult.Entry(key=asked.get("key", ""), status=setting_changed_16(answer).status)
    return CommandResult(settings=SettingsResult(entries=[entry]))


def _change(setting: settings_pb.Setting) -> Asked:
    return "ChangeConfiguration", {"key": setting.key, "value": setting.value}


COMMAND = Dialect(
    ask,
    by_status("Accepted", "RebootRequired"),
    result_of_call=result,
    further=further,
    effects={"ChangeConfiguration": in_ledger("device_variables.value")},
)
