"""One connection, frame by frame: order, backpressure, mishaps, liveness, the end."""

import asyncio
from collections.abc import Callable

import orjson
import pytest

from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.journal import FrameRecord
from ocpp_edge.rpc.calls import Failed, FailureReason
from ocpp_edge.rpc.session import MAX_OPEN_REQUESTS
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.harness import NOW, Bench, data_call, heartbeat_call


async def test_a_request_is_answered_with_the_time_it_came(bench: Bench) -> None:
    bench.receive(*heartbeat_call("1"))
    await bench.settle()
    assert bench.sent == [[3, "1", {"currentTime": NOW.isoformat()}]]


async def test_requests_are_handled_in_the_order_they_came(bench: Bench) -> None:
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    bench.receive(*data_call("3", "quick"))
    await bench.settle()
    assert bench.sent == []
    bench.backend.gate.set()
    await bench.settle()
    assert bench.backend.handled == ["1", "2", "3"]
    assert [frame[1] for frame in bench.sent] == ["1", "2", "3"]


async def test_a_repeated_request_is_handled_and_answered_once(bench: Bench) -> None:
    for _ in range(3):
        bench.receive(*data_call("1", "slow"))
    bench.backend.gate.set()
    await bench.settle()
    assert bench.backend.handled == ["1"]
    assert [frame[1] for frame in bench.sent] == ["1"]


@pytest.mark.parametrize(
    ("vendor", "code"),
    [
        ("defect", "InternalError"),
        ("down", "InternalError"),
        ("invalid", "InternalError"),
        ("not json", "InternalError"),
    ],
)
async def test_a_failure_ends_in_its_own_frame(bench: Bench, vendor: str, code: str) -> None:
    bench.receive(*data_call("1", vendor))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    assert bench.sent[0][:3] == [4, "1", code]
    assert bench.sent[1][:2] == [3, "2"]
    assert bench.transport.closed is None


async def test_a_defect_is_not_told_to_the_charge_point(bench: Bench) -> None:
    bench.receive(*data_call("1", "defect"))
    await bench.settle()
    assert "defect" not in orjson.dumps(bench.sent).decode()


async def test_garbage_is_answered_and_the_socket_stays_open(bench: Bench) -> None:
    bench.connection.frame_received(b"garbage")
    bench.receive(2, "1", "MakeCoffee", {})
    bench.receive(2, "2", "Heartbeat", {"x": 1})
    bench.receive(*heartbeat_call("3"))
    await bench.settle()
    assert [frame[:3] for frame in bench.sent[:3]] == [
        [4, "-1", "FormationViolation"],
        [4, "1", "NotImplemented"],
        [4, "2", "FormationViolation"],
    ]
    assert bench.sent[3][:2] == [3, "3"]


async def test_reading_stops_while_too_much_waits_and_goes_on_after(bench: Bench) -> None:
    bench.receive(*data_call("0", "slow"))
    await bench.settle()
    reading = []
    for number in range(1, 17):
        bench.receive(*heartbeat_call(str(number)))
        reading.append(bench.transport.reading)
    assert reading == [True] * 15 + [False]
    bench.backend.gate.set()
    await bench.settle()
    assert bench.transport.reading
    assert len(bench.sent) == 17


async def test_who_does_not_read_is_not_read_from(bench: Bench) -> None:
    bench.connection.congested(True)
    assert not bench.transport.reading
    bench.receive(*heartbeat_call("1"))
    await bench.settle()
    assert not bench.transport.reading
    bench.connection.congested(False)
    assert bench.transport.reading


async def test_notices_are_handled_in_order_with_requests_and_dropped_beyond_the_bound() -> None:
    bench = Bench(Version.V21)
    reading = {"id": 1, "pending": 0, "basetime": "2026-03-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}
    bench.receive(*data_call("0", "slow"))
    for number in range(1, MAX_OPEN_REQUESTS + 10):
        bench.receive(6, str(number), "NotifyPeriodicEventStream", reading)
    dropped = bench.counters.notices_dropped.value
    await bench.end()
    assert dropped >= 9
    assert bench.backend.handled == [str(number) for number in range(MAX_OPEN_REQUESTS)]
    assert bench.sent == []


async def test_the_journal_says_what_became_of_what_cannot_be_answered() -> None:
    bench = Bench(Version.V21)
    reading = {"id": 1, "pending": 0, "basetime": "2026-03-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}
    bench.receive(6, "1", "NotifyPeriodicEventStream", {})
    bench.receive(6, "2", "NotifyPeriodicEventStream", reading)
    bench.receive(6, "3", "NotifyCoffee", {})
    bench.receive(6, "4", "Heartbeat", {})
    bench.receive(*heartbeat_call("5"))
    await bench.settle()
    bench.receive(*data_call("6", "slow"))
    await bench.settle()
    bench.receive(6, "7", "NotifyPeriodicEventStream", reading)
    bench.connection.supersede()
    await bench.end()
    assert [frame[1] for frame in bench.sent] == ["5"]
    reported = {one.message_id: (one.action, one.outcome) for one in bench.journal.take(10) if one.message_type == 6}
    assert reported == {
        "1": ("NotifyPeriodicEventStream", "OccurrenceConstraintViolation"),
        "2": ("NotifyPeriodicEventStream", ""),
        "3": ("NotifyCoffee", "NotImplemented"),
        "4": ("Heartbeat", "NotSupported"),
        "7": ("NotifyPeriodicEventStream", "Dropped"),
    }


async def test_an_overdue_request_is_given_up_and_the_next_one_handled(bench: Bench) -> None:
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    bench.pass_time(61)
    await bench.settle()
    assert bench.sent[0][:3] == [4, "1", "InternalError"]
    assert bench.sent[1][:2] == [3, "2"]
    assert bench.worker.cancelling() == 0


async def test_the_end_of_the_process_still_ends_a_worker() -> None:
    bench = Bench()
    bench.receive(*data_call("1", "slow"))
    await bench.settle()
    bench.worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bench.worker
    assert bench.sent == []


async def test_what_was_read_before_the_socket_broke_is_still_handled() -> None:
    bench = Bench()
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    bench.connection.lost()
    bench.backend.gate.set()
    await bench.worker
    assert bench.backend.handled == ["1", "2"]
    assert bench.sent == []


async def test_a_superseded_connection_drops_what_waits_and_hangs_up() -> None:
    bench = Bench()
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    bench.connection.supersede()
    bench.backend.gate.set()
    await bench.worker
    assert bench.backend.handled == ["1"]
    assert bench.transport.closed == (1008, "superseded by a newer connection")
    assert bench.connection.ended is FailureReason.SUPERSEDED


async def test_retiring_waits_for_what_is_under_way(bench: Bench) -> None:
    bench.receive(*data_call("1", "slow"))
    await bench.settle()
    bench.connection.retire()
    assert bench.transport.closed is None
    assert await bench.connection.call("ClearCache", {}) == Failed(FailureReason.SHUTTING_DOWN)
    bench.backend.gate.set()
    await bench.settle()
    assert bench.transport.closed == (1001, "service restart")


async def test_an_idle_connection_retires_at_once(bench: Bench) -> None:
    bench.connection.retire()
    assert bench.transport.closed == (1001, "service restart")


async def test_a_silent_peer_is_probed_once_and_then_given_up(bench: Bench) -> None:
    for silence in (59, 2, 10):
        bench.pass_time(silence)
    assert bench.transport.probes == 1
    assert not bench.transport.aborted
    bench.pass_time(50)
    assert bench.transport.aborted


@pytest.mark.parametrize(
    "sign_of_life",
    [lambda bench: bench.connection.heard(), lambda bench: bench.receive(*heartbeat_call("1"))],
    ids=["ping or pong", "message"],
)
async def test_any_sign_of_life_counts(bench: Bench, sign_of_life: Callable[[Bench], None]) -> None:
    for _ in range(5):
        bench.pass_time(61)
        sign_of_life(bench)
    assert not bench.transport.aborted
    assert bench.transport.probes == 5


async def test_a_peer_is_not_blamed_for_our_own_slowness(bench: Bench) -> None:
    for number in range(20):
        bench.receive(*data_call(str(number), "slow"))
    await bench.settle()
    bench.connection.sweep(bench.time.now + 1000)
    assert not bench.transport.aborted


async def test_pending_2x_stations_hear_security_error() -> None:
    bench = Bench(Version.V201, ChargePointState.PENDING)
    bench.receive(*heartbeat_call("1"))
    bench.receive(
        2, "2", "BootNotification", {"reason": "PowerUp", "chargingStation": {"vendorName": "v", "model": "m"}}
    )
    bench.receive(*heartbeat_call("3"))
    await bench.settle()
    assert [frame[:2] for frame in bench.sent] == [[4, "1"], [3, "2"], [3, "3"]]
    assert bench.sent[0][2] == "SecurityError"
    await bench.end()


def summary(record: FrameRecord) -> tuple[bool, int, int, str, str, str]:
    kinds = record.message_type, record.answer_type
    return record.inbound, *kinds, record.message_id, record.action, record.outcome


async def test_the_journal_sees_every_frame_of_both_directions(bench: Bench) -> None:
    bench.receive(*heartbeat_call("1"))
    bench.connection.frame_received(b"garbage")
    bench.receive(*data_call("2", "defect"))
    bench.receive(3, "x", {})
    await bench.settle()
    records = bench.journal.take(100)
    assert [summary(record) for record in records] == [
        (True, 0, 0, "-1", "", "FormationViolation"),
        (False, 4, 0, "-1", "", "FormationViolation"),
        (True, 3, 0, "x", "", "Unknown"),
        (True, 2, 3, "1", "Heartbeat", ""),
        (True, 2, 4, "2", "DataTransfer", "InternalError"),
    ]
    assert records[0].raw == b"garbage"
    assert all((record.charge_point_id, record.epoch) == ("CP1", 7) for record in records)
    assert [record.latency_us is not None for record in records] == [False] * 3 + [True] * 2


async def test_the_journal_has_the_request_that_a_newer_connection_left_without_an_answer(bench: Bench) -> None:
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    bench.connection.supersede()
    await bench.end()
    records = bench.journal.take(10)
    assert sorted(summary(record)[1:4] for record in records) == [(2, 0, "1"), (2, 0, "2")]


async def test_a_journal_that_fails_costs_no_answer_and_no_connection() -> None:
    def broken(_record: FrameRecord) -> None:
        raise RuntimeError("no room")

    bench = Bench(journal=broken)
    for number in ("1", "2"):
        bench.receive(*heartbeat_call(number))
        await bench.settle()
    assert [frame[:2] for frame in bench.sent] == [[3, "1"], [3, "2"]]
    assert not bench.worker.done()
    await bench.end()


async def instant_bench() -> Bench:
    """A connection on which heartbeats, and data transfers as well, are said to be answered at once."""
    bench = Bench(instant=("Heartbeat", "DataTransfer"))
    await bench.settle()
    return bench


async def test_what_needs_nobody_is_answered_at_once() -> None:
    bench = await instant_bench()
    bench.receive(*heartbeat_call("1"))
    assert [frame[:2] for frame in bench.sent] == [[3, "1"]]
    await bench.end()


async def test_what_needs_nobody_does_not_overtake_what_waits() -> None:
    bench = Bench(instant=("Heartbeat",))
    await bench.settle()
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    assert bench.sent == []
    bench.receive(*heartbeat_call("3"))
    bench.backend.gate.set()
    await bench.settle()
    assert [frame[:2] for frame in bench.sent] == [[3, "1"], [3, "2"], [3, "3"]]
    await bench.end()


async def test_a_handler_that_waits_although_it_must_not_fails_alone() -> None:
    bench = await instant_bench()
    bench.receive(*data_call("1", "slow"))
    bench.receive(*heartbeat_call("2"))
    await bench.settle()
    assert [frame[:2] for frame in bench.sent] == [[3, "2"]]
    assert bench.counters.defects.value > 0
    await bench.end()


@pytest.mark.field_case("B2")
async def test_messages_with_bad_characters_are_handled_and_counted(bench: Bench) -> None:
    before = bench.counters.bad_characters.value
    bench.connection.frame_received(b'[2,"1","DataTransfer",{"vendorId":"ac\x00me"}]\x00\x00')
    bench.connection.frame_received(b'[2,"2","DataTransfer",{"vendorId":"Lades\xe4ule","data":"\\ud83d"}]')
    bench.connection.frame_received(b'[2,3,"DataTransfer",{"vendorId":"fine"}]')
    await bench.settle()
    assert bench.backend.handled == ["1", "2", "3"]
    assert [frame[:2] for frame in bench.sent] == [[3, "1"], [3, "2"], [3, 3]]
    assert bench.counters.bad_characters.value == before + 2


@pytest.mark.field_case("B2")
async def test_what_is_no_json_even_without_its_bad_characters_is_refused(bench: Bench) -> None:
    bench.connection.frame_received(b'[2,"1","DataTransfer",{"vendorId":"\x00}]')
    await bench.settle()
    assert bench.sent[0][:3] == [4, "1", "FormationViolation"]
