"""DataTransfer (OCPP 2.x)."""

from ocpp_edge.commands.dialect import ACCEPTED, Dialect, data_transfer
from ocpp_edge.commands.results import data_transfer_result
from ocpp_edge.effects import in_ledger

COMMAND = Dialect(data_transfer, ACCEPTED, result=data_transfer_result, effects={"DataTransfer": in_ledger()})
