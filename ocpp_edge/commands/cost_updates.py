"""Keeps the displays of stations true between the events of a transaction (CostUpdated; OCPP 2.0.1 use case I02).

Most stations tell their readings every minute, and the answers tell the cost. Of those that tell them seldom the cost
is looked at as often as `interval` says, and told when it is another one. No command is recorded for it: what a display
shows has no effect, and the journal has the frames.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from ocpp_edge.facts.context import ShownCost
from ocpp_edge.rpc.answers import lacks_feature
from ocpp_edge.rpc.calls import Priority
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.v2.costs import cost_updated, known_cost
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.process.heartbeats import every

logger = logging.getLogger(__name__)

_LOOKS_PER_INTERVAL = 4
_ANSWER_SECONDS = 10.0
_AT_ONCE = 100


class CostUpdates:
    """Tells costs to those of `connections` that show them."""

    def __init__(self, connections: Iterable[Connection[Any]], clock: Clock, interval: timedelta) -> None:
        self._connections = connections
        self._clock = clock
        self._interval = interval
        self._pause_seconds = interval.total_seconds() / _LOOKS_PER_INTERVAL

    async def run(self) -> None:
        """Look for ever."""
        await every(self._pause_seconds, self.look)

    async def look(self) -> None:
        """Tell each station that shows costs those that it was not told of late."""
        latest = self._clock.now() - self._interval
        due = [
            self._tell(connection, transaction_id, shown)
            for connection in self._connections
            for transaction_id, shown in connection.context.shown_costs.items()
            if shown.time <= latest
        ]
        for begin in range(0, len(due), _AT_ONCE):
            await asyncio.gather(*due[begin : begin + _AT_ONCE])

    async def _tell(self, connection: Connection[Any], transaction_id: str, shown: ShownCost) -> None:
        context = connection.context
        cost = await known_cost(transaction_id, context, connection.backend)
        # An event may have come meanwhile; what its answer told is newer.
        if context.shown_costs.get(transaction_id) is not shown:
            return
        context.shown_costs[transaction_id] = shown._replace(time=self._clock.now())
        if cost is None or (shown.cost is not None and cost <= shown.cost):
            return
        action, payload = cost_updated(shown.ocpp_transaction_id, cost)
        try:
            outcome = await connection.call(
                action,
                payload,
                timeout_seconds=_ANSWER_SECONDS,
                expires_in_seconds=_ANSWER_SECONDS,
                priority=Priority.BACKGROUND,
            )
        except DomainError as error:
            logger.info("%s is not told what a transaction costs: %s", context.charge_point_id, error.message)
            return
        if lacks_feature(outcome):
            # The answers to its events tell it all the same.
            context.shown_costs.clear()
        elif transaction_id in context.shown_costs:
            context.shown_costs[transaction_id] = context.shown_costs[transaction_id]._replace(cost=cost)
