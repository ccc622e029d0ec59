"""Calls of ours and their answers, as whoever takes in what they tell gets them."""

from datetime import timedelta
from typing import Any

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import ReportedVariable
from ocpp_edge.facts.exchange import Exchange
from ocpp_edge.rpc.answers import Answered, answered
from ocpp_edge.rpc.calls import Result
from ocpp_edge.rpc.schemas import load
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.platform import NOW, Platform, context


def exchange(version: Version, action: str, asked: Any, answer: Any, command_id: str = "c1") -> Exchange:
    """A call that was answered a second after it was asked."""
    peer = context(version)
    peer.action, peer.message_id = "Heartbeat", "the message in hand"
    violations = load(version).responses[action].violations(answer)
    valid: Answered = answered(Result(answer, violations), action, peer)
    return Exchange(action, asked, valid, peer, NOW, NOW + timedelta(seconds=1), command_id)


async def reported(version: Version, action: str, asked: Any, answer: Any, command_id: str = "c1") -> list[DeviceEvent]:
    """What is recorded of it."""
    platform = Platform()
    await SERVED[version].answers[action](exchange(version, action, asked, answer, command_id), platform)
    return platform.device_events


def said(variables: Any) -> list[tuple[str, str | None]]:
    """Each variable that is told as it is written, with its value: None where it has none, `?` for one that is not told
    and `-` for one that does not exist."""
    return [(_name(one), _value(one)) for one in variables]


def _name(one: ReportedVariable) -> str:
    component = f"{one.component.name}[{one.component.instance}]" if one.component.instance else one.component.name
    variable = f"{one.variable.name}[{one.variable.instance}]" if one.variable.instance else one.variable.name
    place = f"#{one.component.evse_id}.{one.component.connector_id}" if one.component.evse_id else ""
    return f"{component}.{variable}{place}"


def _value(one: ReportedVariable) -> str | None:
    if one.HasField("value"):
        return one.value
    return "-" if one.unknown else "?" if one.value_withheld else None
