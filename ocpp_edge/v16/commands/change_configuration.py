"""ChangeConfiguration (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.commands.results import setting_changed_16
from ocpp_edge.effects import in_ledger


def ask(body: command_pb.ChangeConfiguration, _command_id: str) -> Asked:
    return "ChangeConfiguration", {"key": body.key, "value": body.value}


COMMAND = Dialect(
    ask,
    by_status("Accepted", "RebootRequired"),
    result=setting_changed_16,
    effects={"ChangeConfiguration": in_ledger("device_variables.value")},
)
