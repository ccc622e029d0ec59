"""Configuration keys of OCPP 1.6 (section 9) as variables of the device model: what answers tell of them. Pure.

The one rule: a key is the variable of that name of the component `Configuration`, attribute `Actual` (ADR 56).
"""

from collections.abc import Iterator, Sequence

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable, ReportedVariable
from ocpp_edge.commands.parts import UNREPORTED, Divisible, Limits, limit_of
from ocpp_edge.facts.exchange import Answers, Exchange, answer_event, recording_answer
from ocpp_edge.facts.variables import name_of, unknown, variable_report, with_value
from ocpp_edge.rpc.frames import Payload
from services.kernel.redaction import redacted

COMPONENT = "Configuration"
_MOST_KEYS = "getconfigurationmaxkeys"


def read_keys(exchange: Exchange) -> DeviceEvent | None:
    """What GetConfiguration was answered (section 5.8)."""
    return _event(exchange, _read(redacted(exchange.answer)), whole_inventory=_is_whole(exchange))


def changed_key(exchange: Exchange) -> DeviceEvent | None:
    """What ChangeConfiguration was answered (section 5.3): what was taken is the value from now on. What needs a
    restart is not."""
    asked: Payload = redacted(exchange.asked)
    variable = _named(str(asked.get("key", "")))
    if variable is None or exchange.answer.get("status") not in ("Accepted", "NotSupported"):
        return None
    if exchange.answer["status"] == "NotSupported":
        return _event(exchange, iter((unknown(variable),)))
    return _event(exchange, iter((with_value(variable, str(asked.get("value", ""))),)))


def _limits(action: str, reported: Sequence[DeviceVariable]) -> Limits:
    """Section 9.1: the most keys that GetConfiguration may name."""
    most = next((one for one in reported if one.variable.name.lower() == _MOST_KEYS), None)
    items = limit_of(most) if most is not None else None
    return UNREPORTED if items is None else Limits(items)


DIVISIBLE = Divisible({"GetConfiguration": ("key", str)}, lambda _action: COMPONENT, _MOST_KEYS, _limits)
ANSWERS: Answers = {
    "GetConfiguration": recording_answer(read_keys),
    "ChangeConfiguration": recording_answer(changed_key),
}


def _event(
    exchange: Exchange, variables: Iterator[ReportedVariable], *, whole_inventory: bool = False
) -> DeviceEvent | None:
    report = variable_report(variables, whole_inventory=whole_inventory)
    if report is None:
        return None
    event = answer_event("variables", exchange)
    event.variable_report.CopyFrom(report)
    return event


def _read(answer: Payload) -> Iterator[ReportedVariable]:
    for setting in answer.get("configurationKey") or ():
        variable = _named(setting.get("key", ""))
        if variable is None:
            continue
        if "readonly" in setting:
            variable.mutability = DeviceVariable.READ_ONLY if setting["readonly"] else DeviceVariable.READ_WRITE
        yield with_value(variable, setting.get("value"))
    for key in answer.get("unknownKey") or ():
        if (variable := _named(key)) is not None:
            yield unknown(variable)


def _is_whole(exchange: Exchange) -> bool:
    """Whether the answer has every key: to be asked for all, and nothing of the answer is lost. One that has as many as
    may be asked for at a time may have been cut."""
    settings = exchange.answer.get("configurationKey") or ()
    if exchange.asked.get("key") or exchange.answered.dropped or exchange.answer.get("unknownKey"):
        return False
    most = next((one.get("value") for one in settings if one.get("key", "").lower() == _MOST_KEYS), None)
    return bool(settings) and str(len(settings)) != most


def _named(key: str) -> ReportedVariable | None:
    return name_of({"name": COMPONENT}, {"name": key})
