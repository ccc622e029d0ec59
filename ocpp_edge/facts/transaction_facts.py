"""The canonical event of a charging session, begun from what is the same for every version and every action."""

import logging
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import orjson

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import Moment
from ocpp_edge.facts.stamps import LONGEST_STAMP
from ocpp_edge.rpc.errors import CallRefused
from ocpp_edge.rpc.frames import Payload
from services.kernel.quirks import transactions
from services.rpc.flags import flag_fields
from services.rpc.protobuf import time_fields

logger = logging.getLogger(__name__)

DETAILS_UNREAD = transactions.DETAILS_UNREAD.flag
# What says which session a message is about, and that it begins or ends.
_ESSENTIALS = frozenset(
    {
        *("connectorId", "evse", "evseId", "idTag", "idToken", "meterStart", "meterStop"),
        *("eventType", "seqNo", "transactionId", "transactionInfo", "triggerReason"),
    }
)
_Event = TypeVar("_Event")


def read(to_event: Callable[..., _Event], payload: Payload, context: ChargerContext, *more: Any) -> _Event:
    """What `to_event` makes of a payload, a session's most often.

    A defect of ours in reading its details must not be what a charge point is told, which would repeat them for ever:
    they go along as they came, and the session starts, goes on or ends without. Raises what `to_event` raises then.
    """
    try:
        return to_event(payload, context, *more)
    except CallRefused:
        raise
    except Exception:
        logger.exception("the details of a message made the edge fail")
    context.forgives(transactions.DETAILS_UNREAD)
    details = {name: value for name, value in payload.items() if name not in _ESSENTIALS}
    context.coerced = (*context.coerced, DETAILS_UNREAD)
    context.dropped = {**(context.dropped or {}), **details}
    return to_event({name: payload[name] for name in payload if name not in details}, context, *more)


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
        fields |= flag_fields((*moment.flags, *context.coerced, *sorted(doubts)))._asdict()
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
        tenant_id=context.tenant_id,
        **fields,
    )
