"""The canonical event of a charging session, begun from what is the same for every version and every action."""

from typing import Any

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.context import ChargerContext
from ocpp_edge.device_clock import Moment, proto_time


def transaction_event(
    kind: TransactionEvent.Kind.ValueType, context: ChargerContext, moment: Moment, **fields: Any
) -> TransactionEvent:
    """An event of `kind` at `moment`, with `fields` as they are named in the contract.

    Carries the doubts about the moment and what had to be coerced in the message.
    """
    device_time = proto_time(moment.device_time)
    is_corrected = moment.corrected_time is not moment.device_time
    return TransactionEvent(
        kind=kind,
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        protocol=context.version.subprotocol,
        station_id=context.station_id,
        device_time=device_time,
        corrected_time=proto_time(moment.corrected_time) if is_corrected else device_time,
        received_time=proto_time(moment.received_time),
        flags=(*moment.flags, *context.coerced),
        **fields,
    )
