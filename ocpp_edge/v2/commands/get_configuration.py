"""GetVariables (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1.command_result_pb2 import CommandResult, ConfigurationResult
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.variables import key_at, variable_of

_UNKNOWN = ("UnknownComponent", "UnknownVariable")


def ask(body: command_pb.GetConfiguration, _command_id: str) -> Asked:
    if not body.keys:
        raise not_supported(
            "reading all settings in one answer in OCPP 2.x; name the variables, or ask for a base report"
        )
    requested = [variable_of(key, f"keys[{position}]") for position, key in enumerate(body.keys)]
    return "GetVariables", {"getVariableData": requested}


def result(answer: Payload) -> CommandResult:
    """Variables that are told, those that the station does not have, and those that it does not tell."""
    configuration = ConfigurationResult()
    for entry in answer.get("getVariableResult", ()):
        key, status = key_at(entry.get("component", {}), entry.get("variable", {})), entry.get("attributeStatus")
        if status == "Accepted":
            configuration.entries.add(key=key, value=entry.get("attributeValue"))
        elif status in _UNKNOWN:
            configuration.unknown_keys.append(key)
        else:
            configuration.refused_keys.append(key)
    return CommandResult(configuration=configuration)


COMMAND = Dialect(
    ask, no_status, result=result, item="keys[{}]", effects={"GetVariables": in_ledger("device_variables.value")}
)
