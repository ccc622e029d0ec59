"""How much a station of OCPP 2.x takes in one call (OCPP 2.0.1 part 2, B05, B06.FR.05, B08, N02, N04, N06). Pure."""

from collections.abc import Sequence
from typing import Any

from csms.station.v1.device_variable_pb2 import DeviceVariable
from ocpp_edge.commands.parts import UNREPORTED, Divisible, Limits, limit_of
from ocpp_edge.v2.variables import key_at

_ITEMS, _BYTES = "itemspermessage", "bytespermessage"
# Whose limits an action has, where they are not its own (part 2, appendix 3).
_LIKE = {"getmonitoringreport": "getreport"}
_OF_MONITORS = frozenset({"SetVariableMonitoring", "ClearVariableMonitoring"})


def _limits(action: str, reported: Sequence[DeviceVariable]) -> Limits:
    """Without a number of items none is known that is surely taken; without one of bytes there is no such limit."""
    named = _LIKE.get(action.lower(), action.lower())
    items, size_bytes = (_limit(name, named, reported) for name in (_ITEMS, _BYTES))
    return UNREPORTED._replace(size_bytes=size_bytes) if items is None else Limits(items, size_bytes)


def _limit(name: str, action: str, reported: Sequence[DeviceVariable]) -> int | None:
    """The action is the instance of the variable; some write it behind its name, as the specification calls it."""
    for one in reported:
        named, instance = one.variable.name.lower(), one.variable.instance.lower()
        if (named, instance) in ((name, action), (name + action, "")) and (limit := limit_of(one)) is not None:
            return limit
    return None


def _key(entry: Any) -> str:
    return key_at(entry["component"], entry.get("variable", {}))


def _component_of(action: str) -> str:
    return "MonitoringCtrlr" if action in _OF_MONITORS else "DeviceDataCtrlr"


DIVISIBLE = Divisible(
    {
        "GetVariables": ("getVariableData", _key),
        "SetVariables": ("setVariableData", _key),
        "GetReport": ("componentVariable", _key),
        "GetMonitoringReport": ("componentVariable", _key),
        "SetVariableMonitoring": ("setMonitoringData", _key),
        "ClearVariableMonitoring": ("id", str),
    },
    _component_of,
    "PerMessage",
    _limits,
    counts_bytes=True,
)
