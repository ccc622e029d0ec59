"""What answers to our own calls tell, whoever asked: facts as good as what charge points notify by themselves."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event
from ocpp_edge.rpc.answers import Answered
from ocpp_edge.rpc.frames import Payload
from services.kernel.ids import new_id


class Exchange(NamedTuple):
    """A call of ours and what can be read of its answer; `command_id` is empty for a raw call."""

    action: str
    asked: Payload
    answered: Answered
    context: ChargerContext
    ask_time: datetime
    answer_time: datetime
    command_id: str

    @property
    def answer(self) -> Payload:
        return self.answered.valid


# Takes in what an exchange tells. Raises DomainError when it cannot be stored.
TakeIn = Callable[[Exchange, Backend], Awaitable[None]]
# Action of ours -> what is made of its answer.
Answers = Mapping[str, TakeIn]


def answer_event(kind: str, exchange: Exchange) -> DeviceEvent:
    """An event of `kind`, told by an answer: it happened when it was answered. Secrets are masked."""
    context = replace(
        exchange.context,
        action=exchange.action,
        message_id=new_id(),
        received_time=exchange.answer_time,
        coerced=exchange.answered.flags,
        dropped=exchange.answered.dropped or None,
    )
    return device_event(kind, {"asked": exchange.asked, "answered": exchange.answer}, context)


def recording_answer(to_event: Callable[[Exchange], DeviceEvent | None]) -> TakeIn:
    """What is made of an answer that tells one fact, or none."""

    async def take_in(exchange: Exchange, backend: Backend) -> None:
        event = to_event(exchange)
        if event is not None:
            await backend.record_device_events([event])

    return take_in
