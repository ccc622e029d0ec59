"""The versions that an edge node serves: what each may ask, and how a command is said in it. The one list of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ocpp_edge.backend.ports import Backend
from ocpp_edge.commands.dialect import Dialect
from ocpp_edge.commands.parts import Divisible
from ocpp_edge.facts.exchange import Answers
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v2 import commands as v2_commands
from ocpp_edge.v2 import device_model, message_limits, monitors, transaction_status
from ocpp_edge.v16 import commands as v16_commands
from ocpp_edge.v16 import configuration
from ocpp_edge.v16 import routes as v16_routes
from ocpp_edge.v21 import routes as v21_routes
from ocpp_edge.v201 import routes as v201_routes
from ocpp_edge.versions import Version


class Served(NamedTuple):
    """What makes a version: `routes` is made once for a node, `dialect` goes from the kind of command to its words, and
    `answers` from an action of ours to what is made of its answer, whoever asked; `divisible` says how much fits
    into one call."""

    routes: Callable[[], RouteTable[Backend]]
    dialect: Mapping[str, Dialect]
    answers: Answers
    divisible: Divisible


_V2_ANSWERS: Answers = {**transaction_status.ANSWERS, **device_model.ANSWERS, **monitors.ANSWERS}

SERVED: Mapping[Version, Served] = {
    Version.V21: Served(v21_routes.route_table, v2_commands.DIALECT, _V2_ANSWERS, message_limits.DIVISIBLE),
    Version.V201: Served(v201_routes.route_table, v2_commands.DIALECT, _V2_ANSWERS, message_limits.DIVISIBLE),
    Version.V16: Served(v16_routes.route_table, v16_commands.DIALECT, configuration.ANSWERS, configuration.DIVISIBLE),
}
