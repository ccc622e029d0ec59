"""CostUpdated (OCPP 2.x)."""

from csms.transaction.v1.update_cost_pb2 import UpdateCost
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.effects import in_ledger
from ocpp_edge.v2.costs import amount_of, cost_updated


def ask(body: UpdateCost, _command_id: str) -> Asked:
    return cost_updated(body.ocpp_transaction_id, amount_of(body.total_cost))


COMMAND = Dialect(ask, no_status, effects={"CostUpdated": in_ledger()})
