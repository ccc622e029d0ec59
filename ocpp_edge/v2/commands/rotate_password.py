"""A new password (OCPP 2.x, use case A01): SetVariables of SecurityCtrlr.BasicAuthPassword."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.v2.variables import by_variable, variable_of, variable_result


def ask(body: command_pb.RotatePassword, _command_id: str) -> Asked:
    variable = variable_of("SecurityCtrlr.BasicAuthPassword", "password")
    return "SetVariables", {"setVariableData": [{**variable, "attributeValue": body.password}]}


COMMAND = Dialect(
    ask,
    by_variable,
    result=variable_result,
    item="password",
    effects={"SetVariables": in_ledger("charge_points.password_hash")},
)
