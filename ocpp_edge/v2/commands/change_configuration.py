"""SetVariables of one variable (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.v2.variables import by_variable, variable_of, variable_result


def ask(body: command_pb.ChangeConfiguration, _command_id: str) -> Asked:
    return "SetVariables", {"setVariableData": [{**variable_of(body.key, "key"), "attributeValue": body.value}]}


COMMAND = Dialect(
    ask,
    by_variable,
    result=variable_result,
    item="value",
    effects={"SetVariables": in_ledger("device_variables.value")},
)
