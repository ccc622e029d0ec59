"""What charge points notify of themselves, as canonical facts: begun from what is the same for every notification.

A notification is one file with a mapping, `handle = recording(to_event)` and its `EFFECT`, and one line in the routes
of its version.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import Moment
from ocpp_edge.facts.redaction import redacted_payload
from ocpp_edge.rpc.frames import Payload
from services.kernel.redaction import redacted
from services.rpc.flags import write_flags
from services.rpc.protobuf import write_time

Handle = Callable[[Payload, ChargerContext, Backend], Awaitable[Payload]]
_LONGEST_STATUS, _LONGEST_TEXT = 2500, 1000


def device_event(
    kind: str,
    payload: Payload,
    context: ChargerContext,
    moment: Moment | None = None,
    **fields: Any,
) -> DeviceEvent:
    """An event of `kind`, told by `payload` or by that part of a message; `moment` is that of its stamp, if it has one.

    `fields` are named as in the contract: subject, status, info, request_id, evse_id, connector_id. Secrets are masked.
    """
    for name, longest in (("status", _LONGEST_STATUS), ("subject", _LONGEST_TEXT), ("info", _LONGEST_TEXT)):
        if name in fields:
            fields[name] = "".join(filter(str.isprintable, fields[name][:longest]))
    event = DeviceEvent(
        charge_point_id=context.charge_point_id,
        kind=kind,
        action=context.action,
        protocol=context.version.subprotocol,
        epoch=context.epoch,
        payload_json=redacted_payload(payload),
        message_id=context.message_id,
        tenant_id=context.tenant_id,
        **fields,
    )
    write_flags((*(moment.flags if moment is not None else ()), *context.coerced), event)
    if context.dropped:
        event.dropped_json = orjson.dumps(redacted(context.dropped)).decode()
    if moment is not None and moment.is_dated:
        write_time(moment.device_time, event.device_time)
        write_time(moment.corrected_time, event.time)
    write_time(context.received_time, event.received_time)
    return event


def recording(to_event: Callable[[Payload, ChargerContext], DeviceEvent]) -> Handle:
    """The handler of a notification whose answer is empty: it is answered once it is stored."""

    async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
        await backend.record_device_events([to_event(payload, context)])
        return {}

    # At home in the file of its mapping, where its effect is declared.
    handle.__module__ = to_event.__module__
    return handle


def moment_at(payload: Payload, name: str, context: ChargerContext) -> Moment:
    """The moment that a stamp of the payload tells, or that of its arrival."""
    return context.clock.moment(payload.get(name, ""), context.received_time)
