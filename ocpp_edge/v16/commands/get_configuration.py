"""GetConfiguration (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1.command_result_pb2 import CommandResult, ConfigurationResult
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload


def ask(body: command_pb.GetConfiguration, _command_id: str) -> Asked:
    return "GetConfiguration", {"key": list(body.keys)} if body.keys else {}


def result(answer: Payload) -> CommandResult:
    """Keys that are told and those that the charge point does not have."""
    configuration = ConfigurationResult(unknown_keys=answer.get("unknownKey", ()))
    for entry in answer.get("configurationKey", ()):
        configuration.entries.add(key=entry.get("key", ""), value=entry.get("value"), readonly=entry.get("readonly"))
    return CommandResult(configuration=configuration)


COMMAND = Dialect(
    ask, no_status, result=result, item="keys[{}]", effects={"GetConfiguration": in_ledger("device_variables.value")}
)
