"""A report of some variables: GetConfiguration (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.commands.results import taken
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.v16.configuration import COMPONENT
from services.kernel.errors import invalid


def ask(body: command_pb.GetReport, _command_id: str) -> Asked:
    if body.component_criteria:
        raise not_supported("reports by component criteria in OCPP 1.6")
    for position, requested in enumerate(body.component_variables):
        if requested.component.name.lower() != COMPONENT.lower():
            raise invalid(f"componentVariables[{position}].component", f"must be {COMPONENT} in OCPP 1.6")
    keys = [requested.variable.name for requested in body.component_variables]
    # One that names the component alone asks for all of it.
    return "GetConfiguration", {"key": keys} if all(keys) else {}


COMMAND = Dialect(
    ask,
    no_status,
    result=taken,
    item="componentVariables[{}]",
    effects={"GetConfiguration": in_ledger("device_variables.value")},
)
