"""What charge points report, as the edge hands it over: short to say, complete unless told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.rpc.protobuf import timestamp
from tests.fixtures.shorthand import spelled_out

ACCEPTED = transaction_pb.Transaction.ACCEPTED
STARTED = recording_pb.TransactionEvent.STARTED
UPDATED = recording_pb.TransactionEvent.UPDATED
ENDED = recording_pb.TransactionEvent.ENDED

NOW = datetime.now(UTC).replace(microsecond=0)


def minutes(number: float) -> datetime:
    """So many minutes after a moment that is about now."""
    return NOW + timedelta(minutes=number)


def event(kind: Any, at: datetime, *, charge_point_id: str = "CP1", **fields: Any) -> recording_pb.TransactionEvent:
    """An event at `at` by a charge point with a good clock."""
    reported = {"device_time": at, "corrected_time": at, "received_time": max(at, NOW), "epoch": 1, **fields}
    stamped: dict[str, Any] = {
        name: timestamp(value) if isinstance(value, datetime) else value
        for name, value in spelled_out(reported).items()
    }
    return recording_pb.TransactionEvent(charge_point_id=charge_point_id, kind=kind, **stamped)


def start_16(at: datetime = NOW, **fields: Any) -> recording_pb.TransactionEvent:
    """A StartTransaction by OCPP 1.6."""
    usual = {"protocol": "ocpp1.6", "connector_id": 1, "id_tag": "TAG", "authorization": ACCEPTED, "meter_wh": 1000}
    return event(STARTED, at, **{**usual, **fields})


def stop_16(number: str, at: datetime, **fields: Any) -> recording_pb.TransactionEvent:
    """A StopTransaction by OCPP 1.6."""
    usual = {"protocol": "ocpp1.6", "ocpp_transaction_id": number, "meter_wh": 6000, "stop_reason": "Local"}
    return event(ENDED, at, **{**usual, **fields})


def meter_values_16(number: str, at: datetime, *energies_wh: int, **fields: Any) -> recording_pb.TransactionEvent:
    """MeterValues by OCPP 1.6: one sample for each energy, ten seconds apart."""
    values = [reading(at + timedelta(seconds=10 * n), energy_wh=wh) for n, wh in enumerate(energies_wh)]
    usual = {"protocol": "ocpp1.6", "connector_id": 1, "ocpp_transaction_id": number, "meter_values": values}
    return event(UPDATED, at, **{**usual, **fields})


def event_201(kind: Any, at: datetime, seq_no: int, **fields: Any) -> recording_pb.TransactionEvent:
    """A TransactionEvent by OCPP 2.0.1."""
    usual = {"protocol": "ocpp2.0.1", "ocpp_transaction_id": "T-1", "evse_id": 1, "seq_no": seq_no}
    return event(kind, at, **{**usual, **fields})


def reading(at: datetime, context: str = "Sample.Periodic", **measurands: Any) -> transaction_pb.MeterValue:
    """A sample."""
    return transaction_pb.MeterValue(sampled_time=timestamp(at), context=context, **measurands)


def moment(time: Timestamp) -> datetime:
    """A time in a message."""
    return time.ToDatetime(tzinfo=UTC)
