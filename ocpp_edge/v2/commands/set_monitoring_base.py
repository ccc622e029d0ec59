"""SetMonitoringBase (OCPP 2.x, use case N03)."""

from csms.transaction.v1 import variable_monitoring_pb2 as monitoring_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger

_BASES = {
    monitoring_pb.SetMonitoringBase.ALL: "All",
    monitoring_pb.SetMonitoringBase.FACTORY_DEFAULT: "FactoryDefault",
    monitoring_pb.SetMonitoringBase.HARD_WIRED_ONLY: "HardWiredOnly",
}


def ask(body: monitoring_pb.SetMonitoringBase, _command_id: str) -> Asked:
    return "SetMonitoringBase", {"monitoringBase": _BASES[body.base]}


COMMAND = Dialect(ask, ACCEPTED, effects={"SetMonitoringBase": in_ledger("device_variables.value")})
