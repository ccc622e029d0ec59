"""Commands in the words of OCPP 2.x, and what its answers mean: one file each, called as in CommandBody. Pure."""

from collections.abc import Mapping

from ocpp_edge.commands.dialect import Dialect, discovered

DIALECT: Mapping[str, Dialect] = discovered(__name__, __path__)
