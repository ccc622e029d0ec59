"""Which messages of the edge are mere readings, and what becomes of the others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from csms.error.v1 import error_reason_pb2 as error_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.errors import DomainError, unavailable
from services.rpc.protobuf import timestamp
from services.transaction.application.recording import Recorded
from services.transaction.domain.fact import Authorization
from services.transaction.mapping.recording import EventMessage, answer_to_proto, reading_to_proto
from tests.fixtures.shorthand import spelled_out

T0 = datetime(2031, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
Event = recording_pb.TransactionEvent


def _message(**fields: Any) -> Event:
    value = transaction_pb.MeterValue(sampled_time=timestamp(T0), context="Sample.Clock", energy_wh=0, soc_percent=7)
    usual: dict[str, Any] = {
        "charge_point_id": "CP1",
        "kind": Event.UPDATED,
        "protocol": "ocpp2.0.1",
        "ocpp_transaction_id": "T-1",
        "device_time": timestamp(T0),
        "corrected_time": timestamp(T0),
        "received_time": timestamp(T0 + timedelta(seconds=1)),
        "seq_no": 0,
        "meter_values": [value],
    }
    return Event(**spelled_out({**usual, **fields}))


def test_readings_of_a_transaction_are_a_meter_report() -> None:
    report = EventMessage(_message(trigger_reason="MeterValuePeriodic", evse_id=2)).meter_report()
    assert report is not None
    assert (report.charge_point_id, report.ocpp_transaction_id, report.evse_id, report.seq_no) == ("CP1", "T-1", 2, 0)
    assert report.received_time == T0 + timedelta(seconds=1)
    [reading] = report.readings
    assert (reading.sampled_time, reading.energy_wh, reading.soc_percent, reading.power_w) == (T0, 0, 7, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": Event.STARTED},
        {"kind": Event.ENDED},
        {"id_tag": "TAG"},
        {"charging_state": "Charging"},
        {"flags": ["coerced:evseId"]},
        {"trigger_reason": "EVDeparted"},
        {"meter_wh": 0},
        {"remote_start_id": 0},
        {"reservation_id": 0},
        {"corrected_time": timestamp(T0 + timedelta(seconds=1))},
        {"meter_values": []},
        {"charge_point_id": ""},
    ],
)
def test_whatever_tells_more_is_an_event(fields: dict[str, Any]) -> None:
    assert EventMessage(_message(**fields)).meter_report() is None


@pytest.mark.parametrize(
    ("protocol", "number", "reported"),
    [("ocpp1.6", "0", ""), ("ocpp1.6", "-1", ""), ("ocpp1.6", "7", "7"), ("ocpp2.0.1", "0", "0"), ("ocpp2.1", "", "")],
)
def test_readings_outside_of_a_transaction_name_none(protocol: str, number: str, reported: str) -> None:
    report = EventMessage(_message(protocol=protocol, ocpp_transaction_id=number)).meter_report()
    assert report is not None
    assert report.ocpp_transaction_id == reported


def test_an_event_is_taken_as_it_was_told() -> None:
    event = EventMessage(
        _message(
            kind=Event.STARTED,
            id_tag="tag",
            authorization=transaction_pb.Transaction.BLOCKED,
            meter_wh=0,
            reservation_id=0,
            flags=["coerced:evseId"],
            offline=True,
        )
    ).event()
    assert (event.id_tag, event.authorization, event.meter_wh) == ("TAG", Authorization.BLOCKED, 0)
    assert (event.reservation_id, event.remote_start_id, event.flags) == (0, None, ("coerced:evseId",))
    assert (event.device_time, event.offline, event.is_mere_reading) == (T0, True, False)


def test_times_that_are_missing_are_those_of_the_device() -> None:
    message = _message()
    message.ClearField("corrected_time")
    message.ClearField("received_time")
    event = EventMessage(message).event()
    assert event.corrected_time == event.received_time == T0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": 0}, "kind"),
        ({"kind": 9}, "kind"),
        ({"charge_point_id": ""}, "chargePointId"),
        ({"device_time": None, "received_time": None}, "deviceTime"),
        ({"device_time": Timestamp(seconds=10**15)}, "deviceTime"),
        ({"received_time": Timestamp(seconds=-(10**15))}, "receivedTime"),
    ],
)
def test_an_event_that_makes_no_sense_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as caught:
        EventMessage(_message(**fields)).event()
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.field_case("A5")
def test_an_event_without_a_time_happened_when_it_was_received() -> None:
    message = _message(device_time=None, corrected_time=None, stamp="never")
    report, event = EventMessage(message).meter_report(), EventMessage(message).event()
    assert event.device_time == event.corrected_time == event.received_time == T0 + timedelta(seconds=1)
    assert (event.is_dated, event.stamp, event.flags, event.is_mere_reading) == (
        False,
        "never",
        ("time_missing",),
        False,
    )
    assert report is None
    unreadable = EventMessage(_message(device_time=None, flags=["time_unreadable"])).event()
    assert (unreadable.is_dated, unreadable.flags) == (False, ("time_unreadable",))


@pytest.mark.field_case("A5")
def test_readings_without_a_time_have_digests_without_one() -> None:
    def digest(seconds: int) -> int:
        value = transaction_pb.MeterValue(sampled_time=timestamp(T0 + timedelta(seconds=seconds)), energy_wh=1)
        message = _message(device_time=None, ocpp_transaction_id="", meter_values=[value])
        report = EventMessage(message).meter_report()
        assert report is not None
        assert not report.is_dated
        return report.readings[0].digest

    assert digest(0) == digest(9)


def test_samples_differ_in_their_digest_when_they_differ_in_anything() -> None:
    base = transaction_pb.MeterValue(sampled_time=timestamp(T0), context="Trigger", energy_wh=1)
    others = [transaction_pb.MeterValue() for _ in range(3)]
    for other in others:
        other.CopyFrom(base)
    others[0].energy_wh = 2
    others[1].context = "Other"
    others[2].other_json = "[]"
    report = EventMessage(_message(meter_values=[base, *others, base])).meter_report()
    assert report is not None
    digests = [reading.digest for reading in report.readings]
    assert digests[0] == digests[-1]
    assert len(set(digests)) == 4
    assert reading_to_proto(report.readings[0]) == base


def test_answers_carry_the_decision_or_the_failure() -> None:
    answer = answer_to_proto(Recorded("id", "7", Authorization.CONCURRENT_TX, True))
    assert (answer.transaction_id, answer.ocpp_transaction_id, answer.duplicate) == ("id", "7", True)
    assert answer.authorization == transaction_pb.Transaction.CONCURRENT_TX
    failure = answer_to_proto(unavailable("later"))
    assert (failure.error.reason, failure.error.message) == (error_pb.ERROR_REASON_UNAVAILABLE, "later")
