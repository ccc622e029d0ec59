"""SetMonitoringLevel (OCPP 2.x, use case N05)."""

from csms.transaction.v1 import variable_monitoring_pb2 as monitoring_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger


def ask(body: monitoring_pb.SetMonitoringLevel, _command_id: str) -> Asked:
    return "SetMonitoringLevel", {"severity": body.severity}


COMMAND = Dialect(ask, ACCEPTED, effects={"SetMonitoringLevel": in_ledger("device_variables.value")})
