"""NotifyPeriodicEventStream (OCPP 2.1 block N): values of a variable, sent in a stream without asking for an answer.

Nobody here opens a stream; what a station sends of one all the same is kept as it came.
"""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, moment_at
from ocpp_edge.facts.payloads import integer_at
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    """The message as a whole: which variable its stream is of was said when that was opened."""
    stream = integer_at(payload, "id", context)
    return device_event(
        "event_stream",
        payload,
        context,
        moment_at(payload, "basetime", context),
        subject="" if stream is None else str(stream),
    )


EFFECT = Effect(rows=("device_events.subject",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> None:
    await backend.record_device_events([to_event(payload, context)])
