"""Events of transactions as the edge sends them, and the answers it gets.

On the path of every meter value: no reflection, and nothing is built that is not needed.
"""

from datetime import datetime
from typing import Any
from zlib import crc32

from google.protobuf.timestamp_pb2 import Timestamp

from csms.driver.v1 import driver_pb2 as driver_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.errors import DomainError, invalid
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.tokens import token_value
from services.rpc.flags import read_flags
from services.rpc.protobuf import read_time
from services.rpc.status import item_error
from services.transaction.application.recording import Recorded
from services.transaction.domain.fact import (
    NO_NUMBER,
    OCPP_16,
    TIME_MISSING,
    UNDATED,
    EventKind,
    TransactionEvent,
    reported_register,
)
from services.transaction.domain.reading import MeterReport, Reading
from services.transaction.mapping.transactions import AUTHORIZATIONS, REASON_NUMBERS, REASONS, authorization_to_proto

_KINDS = {number: EventKind(name) for name, number in recording_pb.TransactionEvent.Kind.items() if number}
_NO_REASON = driver_pb.TokenDecision.REASON_UNSPECIFIED
_UPDATED = recording_pb.TransactionEvent.UPDATED
# What makes a charge point tell its meter values and nothing else (OCPP 2.0.1, TriggerReasonEnumType).
METER_TRIGGERS = frozenset({"", "MeterValuePeriodic", "MeterValueClock", "Trigger"})
_INT32 = 2**31
# The context (OCPP 2.0.1 part 2, ReadingContextEnumType) of what is no sample.
_KEPT = "Other"


class EventMessage:
    """Satisfies ports.Report for a message of csms.transaction.v1.TransactionEvent."""

    __slots__ = ("_message",)

    def __init__(self, message: recording_pb.TransactionEvent) -> None:
        self._message = message

    def meter_report(self) -> MeterReport | None:
        message = self._message
        if message.kind != _UPDATED or not message.charge_point_id:
            return None
        ocpp_transaction_id = message.ocpp_transaction_id
        if message.protocol == OCPP_16 and ocpp_transaction_id in NO_NUMBER:
            ocpp_transaction_id = ""
        if ocpp_transaction_id and not _is_mere_reading(message):
            return None
        evse = message.evse
        # One with a transaction is not, or it would be no mere reading.
        is_corrected = not ocpp_transaction_id and _is_corrected(message)
        return MeterReport(
            message.charge_point_id,
            ocpp_transaction_id,
            evse.evse_id,
            evse.connector_id,
            _time(message.received_time, "receivedTime"),
            message.seq_no if message.HasField("seq_no") else None,
            _readings(message, is_corrected) if not message.dropped_json else _with_dropped(message, is_corrected),
            message.HasField("device_time"),
            is_corrected,
        )

    def event(self) -> TransactionEvent:
        message = self._message
        kind = _KINDS.get(message.kind)
        if kind is None:
            raise invalid("kind", "is not one that is known")
        if not message.charge_point_id:
            raise invalid("chargePointId", "is required")
        device_time, corrected_time, received_time = _times(message)
        flags = read_flags(message)
        if not message.HasField("device_time") and UNDATED.isdisjoint(flags):
            flags = (TIME_MISSING, *flags)
        readings, evse, token = _readings(message, _is_corrected(message)), message.evse, message.token
        return TransactionEvent(
            charge_point_id=message.charge_point_id,
            epoch=message.epoch,
            kind=kind,
            protocol=message.protocol,
            ocpp_transaction_id=message.ocpp_transaction_id,
            evse_id=evse.evse_id,
            connector_id=evse.connector_id,
            id_tag=token_value(token.value),
            token_type=token.type,
            authorization=AUTHORIZATIONS.get(message.authorization),
            authorization_reason=REASONS.get(message.authorization_reason, ""),
            driver_id=message.driver_id,
            group_id=message.group_id.upper(),
            station_id=message.station_id,
            device_time=device_time,
            received_time=received_time,
            corrected_time=corrected_time,
            seq_no=message.seq_no if message.HasField("seq_no") else None,
            offline=message.offline,
            trigger_reason=message.trigger_reason,
            charging_state=message.charging_state,
            stop_reason=message.stop_reason,
            meter_wh=message.meter_wh if message.HasField("meter_wh") else reported_register(kind, readings),
            remote_start_id=message.remote_start_id if message.HasField("remote_start_id") else None,
            reservation_id=message.reservation_id if message.HasField("reservation_id") else None,
            readings=readings,
            flags=flags,
            stamp=message.stamp,
            dropped_json=message.dropped_json,
            is_mere_reading=message.kind == _UPDATED and _is_mere_reading(message),
            tenant_id=message.tenant_id or DEFAULT_TENANT,
        )


def answer_to_proto(answer: Recorded | DomainError) -> recording_pb.TransactionEventAnswer:
    """The answer to one event."""
    if isinstance(answer, DomainError):
        return recording_pb.TransactionEventAnswer(error=item_error(answer))
    return recording_pb.TransactionEventAnswer(
        transaction_id=answer.transaction_id,
        ocpp_transaction_id=answer.ocpp_transaction_id,
        authorization=authorization_to_proto(answer.authorization),
        authorization_reason=REASON_NUMBERS.get(answer.authorization_reason, _NO_REASON),
        duplicate=answer.duplicate,
    )


def _times(message: recording_pb.TransactionEvent) -> tuple[datetime, datetime, datetime]:
    """Device's, corrected and received time of an event: the first where the others are not told, and the other way
    round the last where the first is not."""
    if not message.HasField("device_time"):
        if not message.HasField("received_time"):
            raise invalid("deviceTime", "is required, or receivedTime")
        received_time = _time(message.received_time, "receivedTime")
        return received_time, received_time, received_time
    device_time = corrected_time = _time(message.device_time, "deviceTime")
    if message.HasField("corrected_time"):
        corrected_time = _time(message.corrected_time, "correctedTime")
    received_time = corrected_time
    if message.HasField("received_time"):
        received_time = _time(message.received_time, "receivedTime")
    return device_time, corrected_time, received_time


def _is_mere_reading(message: recording_pb.TransactionEvent) -> bool:
    """Whether the message changes nothing about its transaction. With a corrected clock it is not taken for that: only
    the key of an event recognises a repetition whose correction is another one."""
    return not (
        message.HasField("token")
        or message.charging_state
        or message.flags
        or not message.meter_values
        or message.trigger_reason not in METER_TRIGGERS
        or message.HasField("meter_wh")
        or message.HasField("remote_start_id")
        or message.HasField("reservation_id")
        or not message.HasField("device_time")
        or _is_corrected(message)
    )


def _is_corrected(message: recording_pb.TransactionEvent) -> bool:
    """Whether it happened at another time than the charge point's clock said."""
    return (
        message.HasField("corrected_time")
        and message.HasField("device_time")
        and message.device_time != message.corrected_time
    )


def _readings(message: recording_pb.TransactionEvent, is_corrected: bool) -> tuple[Reading, ...]:
    if not message.HasField("device_time"):
        return tuple([_reading(value, _undated(value)) for value in message.meter_values])
    if is_corrected:
        correction = _nanoseconds(message.corrected_time) - _nanoseconds(message.device_time)
        return tuple([_reading(value, _stamped(value, correction)) for value in message.meter_values])
    return tuple([_reading(value, value) for value in message.meter_values])


def _with_dropped(message: recording_pb.TransactionEvent, is_corrected: bool) -> tuple[Reading, ...]:
    """The readings, and one without values that keeps what could not be taken: no fact does that here. Its context
    tells it from a sample of which no value could be read."""
    dropped = transaction_pb.MeterValue(context=_KEPT, other_json=f"[{message.dropped_json}]")
    last = message.meter_values[-1].sampled_time if message.meter_values else message.received_time
    dropped.sampled_time.CopyFrom(last)
    return (
        *_readings(message, is_corrected),
        _reading(dropped, dropped if message.HasField("device_time") else _undated(dropped)),
    )


def _undated(value: transaction_pb.MeterValue) -> transaction_pb.MeterValue:
    """A meter value without its time, which is another one whenever it is told."""
    undated = transaction_pb.MeterValue()
    undated.CopyFrom(value)
    undated.ClearField("sampled_time")
    return undated


def _stamped(value: transaction_pb.MeterValue, correction: int) -> transaction_pb.MeterValue:
    """A meter value with the time that the charge point told, of which the correction, in nanoseconds, made another."""
    stamped = transaction_pb.MeterValue()
    stamped.CopyFrom(value)
    seconds, nanos = divmod(_nanoseconds(value.sampled_time) - correction, 1_000_000_000)
    # Whatever that comes to: it is only compared.
    stamped.sampled_time.CopyFrom(Timestamp(seconds=seconds, nanos=nanos))
    return stamped


def _nanoseconds(time: Timestamp) -> int:
    return time.seconds * 1_000_000_000 + time.nanos


def _reading(value: transaction_pb.MeterValue, said: transaction_pb.MeterValue) -> Reading:
    """The reading that a meter value tells, known again by what the charge point `said`."""
    has = value.HasField
    return Reading(
        _time(value.sampled_time, "meterValues.sampledTime"),
        crc32(said.SerializeToString()) - _INT32,
        value.context,
        value.energy_wh if has("energy_wh") else None,
        value.power_w if has("power_w") else None,
        value.current_ma if has("current_ma") else None,
        value.voltage_mv if has("voltage_mv") else None,
        value.soc_percent if has("soc_percent") else None,
        value.power_offered_w if has("power_offered_w") else None,
        value.other_json,
    )


def _time(message: Timestamp, field: str) -> datetime:
    try:
        return read_time(message)
    except OverflowError:
        raise invalid(field, "is not a time between the years 1 and 9999") from None


def reading_to_proto(reading: Reading) -> transaction_pb.MeterValue:
    """A meter value as callers see it."""
    known: dict[str, Any] = {name: value for name, value in reading._asdict().items() if value is not None}
    del known["digest"]
    return transaction_pb.MeterValue(**known)
