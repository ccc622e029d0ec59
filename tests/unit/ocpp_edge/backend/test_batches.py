"""Single calls gathered into batches: everyone gets his own answer, and one charge point is in a batch once."""

import asyncio
from collections.abc import Sequence

import pytest

from csms.error.v1.error_reason_pb2 import ErrorReason, ItemError
from csms.station.v1.connectivity_service_pb2 import ClosedConnection, ItemAnswer
from ocpp_edge.backend.batches import BatchCall
from services.kernel.errors import DomainError, ErrorKind, unavailable


class Recipient:
    """Remembers the batches; refuses the items of the charge points in `stale`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.stale: set[str] = set()
        self.failure: Exception | None = None

    async def __call__(self, items: list[ClosedConnection]) -> Sequence[ItemAnswer]:
        self.batches.append([f"{item.charge_point_id}/{item.epoch}" for item in items])
        if self.failure is not None:
            raise self.failure
        error = ItemError(reason=ErrorReason.ERROR_REASON_STALE_EPOCH, message="stale")
        return [ItemAnswer(error=error if item.charge_point_id in self.stale else None) for item in items]


def item(name: str) -> ClosedConnection:
    charge_point_id, epoch = name.split("/")
    return ClosedConnection(charge_point_id=charge_point_id, epoch=int(epoch))


async def submit(recipient: Recipient, *names: str) -> tuple[list[ItemAnswer | BaseException], list[str]]:
    failed: list[str] = []
    call = BatchCall(
        "test",
        recipient,
        lambda item: item.charge_point_id,
        lambda item, error: failed.append(f"{item.charge_point_id} {error.reason}"),
    )
    answers = await asyncio.gather(*(call.submit(item(name)) for name in names), return_exceptions=True)
    await call.close()
    return list(answers), failed


async def test_calls_of_one_moment_share_a_batch() -> None:
    recipient = Recipient()
    answers, failed = await submit(recipient, "A/1", "B/1", "C/1")
    assert recipient.batches == [["A/1", "B/1", "C/1"]]
    assert answers == [ItemAnswer()] * 3
    assert failed == []


async def test_the_first_goes_at_once_and_what_follows_gathers_for_the_time_given() -> None:
    recipient = Recipient()
    call = BatchCall("test", recipient, lambda item: item.charge_point_id, linger_seconds=0.2)
    async with asyncio.timeout(0.15):
        await call.submit(item("A/1"))

    async def later(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await call.submit(item(name))

    await asyncio.gather(later("B/1", 0), later("C/1", 0.05))
    await call.close()
    assert recipient.batches == [["A/1"], ["B/1", "C/1"]]


async def test_two_words_of_one_charge_point_go_in_order_and_apart() -> None:
    recipient = Recipient()
    await submit(recipient, "A/1", "B/1", "A/2", "A/3", "C/1")
    assert recipient.batches == [["A/1", "B/1", "C/1"], ["A/2"], ["A/3"]]


async def test_an_item_that_fails_fails_alone() -> None:
    recipient = Recipient()
    recipient.stale = {"B"}
    answers, failed = await submit(recipient, "A/1", "B/1", "C/1")
    assert [isinstance(answer, ItemAnswer) for answer in answers] == [True, False, True]
    error = answers[1]
    assert isinstance(error, DomainError)
    assert (error.kind, error.reason, error.message) == (ErrorKind.CONFLICT, "STALE_EPOCH", "stale")
    assert failed == ["B STALE_EPOCH"]


async def test_a_batch_that_fails_fails_everyone_in_it() -> None:
    recipient = Recipient()
    recipient.failure = unavailable("nobody answers")
    answers, failed = await submit(recipient, "A/1", "B/1")
    assert [getattr(answer, "kind", None) for answer in answers] == [ErrorKind.UNAVAILABLE] * 2
    assert failed == []


async def test_a_closed_call_takes_nothing_more() -> None:
    call = BatchCall("test", Recipient(), lambda item: item.charge_point_id)
    await call.close()
    with pytest.raises(DomainError):
        await call.submit(item("A/1"))
