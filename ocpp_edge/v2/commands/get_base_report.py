"""GetBaseReport (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from services.kernel.ids import request_number

_BASES = {
    command_pb.GetBaseReport.BASE_UNSPECIFIED: "FullInventory",
    command_pb.GetBaseReport.CONFIGURATION_INVENTORY: "ConfigurationInventory",
    command_pb.GetBaseReport.FULL_INVENTORY: "FullInventory",
    command_pb.GetBaseReport.SUMMARY_INVENTORY: "SummaryInventory",
}


def ask(body: command_pb.GetBaseReport, command_id: str) -> Asked:
    return "GetBaseReport", {"requestId": request_number(command_id), "reportBase": _BASES[body.base]}


COMMAND = Dialect(ask, ACCEPTED, effects={"GetBaseReport": in_ledger("device_reports.command_id")})
