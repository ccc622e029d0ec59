"""GetVariables (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.v2.variables import variable_of


def ask(body: command_pb.GetConfiguration, _command_id: str) -> Asked:
    if not body.keys:
        raise not_supported(
            "reading all settings in one answer in OCPP 2.x; name the variables, or ask for a base report"
        )
    wanted = [variable_of(key, f"keys[{position}]") for position, key in enumerate(body.keys)]
    return "GetVariables", {"getVariableData": wanted}


COMMAND = Dialect(ask, no_status)
