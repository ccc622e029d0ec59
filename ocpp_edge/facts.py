"""The canonical event of a charging session, begun from what is the same for every version and every action."""

from collections.abc import Collection
from typing import Any

import orjson

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.context import ChargerContext
from ocpp_edge.device_clock import Moment
from ocpp_edge.stamps import LONGEST_STAMP
from services.chassis.protobuf import time_fields


def transaction_event(
    kind: TransactionEvent.Kind.ValueType,
    context: ChargerContext,
    moment: Moment,
    doubts: Collection[str] = (),
    **fields: Any,
) -> TransactionEvent:
    """An event of `kind` at `moment`, with `fields` as they are named in the contract.

    `doubts` come after the doubts about the moment and what had to be coerced in the message. What was dropped from
    that goes along as it came: the journal may forget the frame, the fact must not.
    """
    # Messages within go in as dicts: made apart they would be copied, and written one by one they cost half as much
    # again.
    if moment.corrected_time is not moment.device_time and moment.is_dated:
        fields["corrected_time"] = time_fields(moment.corrected_time)
    if moment.flags or context.coerced or doubts:
        fields["flags"] = (*moment.flags, *context.coerced, *sorted(doubts))
    if context.dropped:
        fields["dropped_json"] = orjson.dumps(context.dropped).decode()
    if moment.is_dated:
        fields["device_time"] = time_fields(moment.device_time)
    else:
        fields["stamp"] = "".join(filter(str.isprintable, moment.text[:LONGEST_STAMP]))
    fields["received_time"] = time_fields(moment.received_time)
    return TransactionEvent(
        kind=kind,
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        protocol=context.version.subprotocol,
        station_id=context.station_id,
        **fields,
    )
