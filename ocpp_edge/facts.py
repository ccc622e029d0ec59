"""The canonical event of a charging session, begun from what is the same for every version and every action."""

from typing import Any

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.context import ChargerContext
from ocpp_edge.device_clock import Moment
from services.chassis.protobuf import write_time


def transaction_event(
    kind: TransactionEvent.Kind.ValueType, context: ChargerContext, moment: Moment, **fields: Any
) -> TransactionEvent:
    """An event of `kind` at `moment`, with `fields` as they are named in the contract.

    Carries the doubts about the moment and what had to be coerced in the message.
    """
    event = TransactionEvent(
        kind=kind,
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        protocol=context.version.subprotocol,
        station_id=context.station_id,
        **fields,
    )
    # Written where they lie: a message made apart would be copied.
    write_time(moment.device_time, event.device_time)
    write_time(moment.received_time, event.received_time)
    if moment.corrected_time is not moment.device_time:
        write_time(moment.corrected_time, event.corrected_time)
    if moment.flags or context.coerced:
        event.flags.extend((*moment.flags, *context.coerced))
    return event
