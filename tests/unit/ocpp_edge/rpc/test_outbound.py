"""Our calls to a charge point: one at a time, checked both ways, and always an outcome."""

import asyncio
from typing import Any

import pytest

from ocpp_edge.rpc.calls import MAX_QUEUED_CALLS, Failed, FailureReason, Outcome, Priority, Refused, Result
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind
from tests.unit.ocpp_edge.harness import Bench, data_call


async def asking(bench: Bench, action: str = "ClearCache", **how: Any) -> asyncio.Task[Outcome]:
    """A call that has been sent, or queued."""
    task = asyncio.ensure_future(bench.connection.call(action, {}, **how))
    await bench.settle()
    return task


def last_id(bench: Bench) -> str:
    return str(bench.sent[-1][1])


async def test_a_call_is_sent_and_its_answer_returned(bench: Bench) -> None:
    task = await asking(bench)
    assert bench.sent == [[2, last_id(bench), "ClearCache", {}]]
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    assert await task == Result({"status": "Accepted"})


async def test_the_charge_point_may_refuse(bench: Bench) -> None:
    task = await asking(bench)
    bench.receive(4, last_id(bench), "NotSupported", "no cache")
    assert await task == Refused("NotSupported", "no cache", {})


async def test_an_answer_that_breaks_its_schema_is_handed_on_with_what_is_wrong(bench: Bench) -> None:
    task = await asking(bench)
    bench.receive(3, last_id(bench), {"status": "Fine"})
    outcome = await task
    assert isinstance(outcome, Result)
    assert outcome.payload == {"status": "Fine"}
    assert [violation.path for violation in outcome.violations] == ["status"]
    assert len(bench.sent) == 1


async def test_a_2_1_station_is_told_that_its_answer_was_bad() -> None:
    bench = Bench(Version.V21)
    task = await asking(bench)
    bench.receive(3, last_id(bench), {"status": "Fine"})
    assert isinstance(await task, Result)
    assert bench.sent[-1][::2][:2] == [5, "FormatViolation"]
    await bench.end()


async def test_the_second_call_waits_for_the_answer_to_the_first(bench: Bench) -> None:
    first = await asking(bench)
    second = await asking(bench, "GetLocalListVersion")
    assert len(bench.sent) == 1
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    await first
    assert bench.sent[-1][2] == "GetLocalListVersion"
    bench.receive(3, last_id(bench), {"listVersion": -1})
    assert await second == Result({"listVersion": -1})


async def test_an_urgent_call_goes_first(bench: Bench) -> None:
    tasks = [
        await asking(bench),
        await asking(bench, "GetLocalListVersion", priority=Priority.BACKGROUND),
        await asking(bench, "ClearCache", priority=Priority.URGENT),
    ]
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    assert bench.sent[-1][2] == "ClearCache"
    bench.connection.lost()
    await asyncio.gather(*tasks)


async def test_a_call_is_answered_while_a_request_is_being_handled(bench: Bench) -> None:
    bench.receive(*data_call("1", "slow"))
    task = await asking(bench)
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    assert await task == Result({"status": "Accepted"})


async def test_no_answer_is_an_outcome_and_the_connection_lives_on(bench: Bench) -> None:
    task = await asking(bench, timeout_seconds=5.0)
    call_id = last_id(bench)
    bench.pass_time(5)
    assert await task == Failed(FailureReason.TIMED_OUT)
    bench.receive(3, call_id, {"status": "Accepted"})
    assert [(call.message_id, outcome) for call, outcome in bench.late] == [(call_id, Result({"status": "Accepted"}))]
    assert bench.transport.closed is None
    assert not bench.watched


async def test_the_next_call_goes_out_when_the_one_before_it_timed_out(bench: Bench) -> None:
    first = await asking(bench, timeout_seconds=5.0)
    second = await asking(bench, "GetLocalListVersion")
    bench.pass_time(5)
    assert await first == Failed(FailureReason.TIMED_OUT)
    assert bench.sent[-1][2] == "GetLocalListVersion"
    bench.connection.lost()
    assert await second == Failed(FailureReason.CONNECTION_LOST)


async def test_a_call_that_never_gets_its_turn_expires(bench: Bench) -> None:
    first = await asking(bench)
    second = await asking(bench, expires_in_seconds=3.0)
    bench.pass_time(3)
    assert await second == Failed(FailureReason.EXPIRED)
    assert len(bench.sent) == 1
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    await first


async def test_a_cancelled_caller_leaves_no_unsent_call_behind(bench: Bench) -> None:
    first = await asking(bench)
    second = await asking(bench)
    second.cancel()
    await bench.settle()
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    await first
    await bench.settle()
    assert len(bench.sent) == 1


@pytest.mark.parametrize(
    ("ending", "reason"), [("supersede", FailureReason.SUPERSEDED), ("lost", FailureReason.CONNECTION_LOST)]
)
async def test_the_end_of_the_connection_fails_every_call_at_once(ending: str, reason: FailureReason) -> None:
    bench = Bench()
    tasks = [await asking(bench) for _ in range(3)]
    getattr(bench.connection, ending)()
    assert await asyncio.gather(*tasks) == [Failed(reason)] * 3
    assert await bench.connection.call("ClearCache", {}) == Failed(reason)
    await bench.worker


@pytest.mark.parametrize(
    ("action", "payload", "kind", "reason"),
    [
        ("RequestStartTransaction", {}, ErrorKind.FAILED_PRECONDITION, "NOT_SUPPORTED_BY_CHARGE_POINT"),
        ("MakeCoffee", {}, ErrorKind.FAILED_PRECONDITION, "NOT_SUPPORTED_BY_CHARGE_POINT"),
        ("Reset", {"type": "Medium"}, ErrorKind.INVALID_ARGUMENT, "OCPP_SCHEMA_VIOLATION"),
        ("Reset", {}, ErrorKind.INVALID_ARGUMENT, "OCPP_SCHEMA_VIOLATION"),
    ],
)
async def test_what_the_charge_point_could_not_read_is_not_sent(
    bench: Bench, action: str, payload: dict[str, Any], kind: ErrorKind, reason: str
) -> None:
    with pytest.raises(DomainError) as refused:
        await bench.connection.call(action, payload)
    assert (refused.value.kind, refused.value.reason) == (kind, reason)
    assert bench.sent == []


async def test_a_violation_names_the_field_of_the_caller(bench: Bench) -> None:
    with pytest.raises(DomainError) as refused:
        await bench.connection.call("Reset", {"type": "Medium"})
    assert [violation.field for violation in refused.value.violations] == ["payload.type"]


async def test_a_full_queue_refuses_the_next_call(bench: Bench) -> None:
    tasks = [await asking(bench) for _ in range(MAX_QUEUED_CALLS + 1)]
    with pytest.raises(DomainError) as refused:
        await bench.connection.call("ClearCache", {})
    assert refused.value.reason == "QUEUE_FULL"
    bench.connection.lost()
    await asyncio.gather(*tasks)


async def test_the_journal_knows_how_long_an_answer_took(bench: Bench) -> None:
    task = await asking(bench)
    bench.time.now += 1.5
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    await task
    (call,) = bench.journal.take(10)
    assert (call.inbound, call.action, call.latency_us) == (False, "ClearCache", 1_500_000)
    assert (call.message_type, call.answer_type) == (2, 3)
    assert b'{"status":"Accepted"}' in call.answer


async def test_the_journal_has_a_call_without_an_answer_and_the_answer_that_comes_too_late(bench: Bench) -> None:
    task = await asking(bench)
    bench.pass_time(31)
    assert await task == Failed(FailureReason.TIMED_OUT)
    (call,) = bench.journal.take(10)
    assert (call.inbound, call.message_type, call.answer, call.latency_us) == (False, 2, b"", None)
    bench.receive(3, last_id(bench), {"status": "Accepted"})
    (answer,) = bench.journal.take(10)
    assert (answer.inbound, answer.message_type, answer.latency_us) == (True, 3, 31_000_000)


async def test_the_journal_has_the_call_that_a_lost_connection_left_without_an_answer(bench: Bench) -> None:
    task = await asking(bench)
    bench.connection.lost()
    assert await task == Failed(FailureReason.CONNECTION_LOST)
    assert [(record.message_type, record.answer) for record in bench.journal.take(10)] == [(2, b"")]


@pytest.mark.field_case("B2")
async def test_an_answer_with_bad_characters_is_an_answer_and_counted(bench: Bench) -> None:
    before = bench.counters.bad_characters.value
    task = await asking(bench)
    bench.connection.frame_received(b'[3,"%b",{"status":"Acc\x00epted"}]\x00' % last_id(bench).encode())
    assert await task == Result({"status": "Accepted"}, flags=("bad_characters",))
    assert bench.counters.bad_characters.value == before + 1
