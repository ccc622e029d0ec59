"""The door: bounded in number and time, and no welcome is ever forgotten."""

import asyncio
from http import HTTPStatus

import pytest

from ocpp_edge.admission import admission_control as admission
from ocpp_edge.admission.admission_control import Departure, Doorkeeper, Welcome
from ocpp_edge.admission.handshake import Admission
from ocpp_edge.admission.peer import Peer
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.refusal import Rule

WELCOME = Welcome(7, ChargePointState.ACCEPTED, 60)
CP1 = Admission("CP1", Version.V16, {Version.V16: "ocpp1.6"}, None, Peer("10.0.0.1"))


class House:
    """Decides when it is told to, and remembers who left."""

    def __init__(self, answer: Welcome | Refusal | Exception = WELCOME, *, open_door: bool = True) -> None:
        self.answer = answer
        self.decide = asyncio.Event()
        self.left: list[Departure] = []
        self.unreachable: ErrorKind | None = None
        self.told = asyncio.Event()
        if open_door:
            self.decide.set()

    async def admit(self, _admission: Admission) -> Welcome | Refusal:
        await self.decide.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def leave(self, departure: Departure) -> None:
        if self.unreachable is not None:
            raise DomainError(self.unreachable, self.unreachable, "nobody to tell")
        self.left.append(departure)
        self.told.set()
        if departure.reason == "broken":
            raise ConnectionError("nobody to tell")

    def doorkeeper(self, max_pending: int = 2, timeout_seconds: float = 60) -> Doorkeeper:
        return Doorkeeper(self.admit, self.leave, max_pending=max_pending, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(
    "answer",
    [WELCOME, Refusal(HTTPStatus.UNAUTHORIZED, Rule.WRONG_PASSWORD, "wrong password")],
    ids=["in", "out"],
)
async def test_the_decision_is_passed_on(answer: Welcome | Refusal) -> None:
    assert await House(answer).doorkeeper().ask(CP1) == answer


async def test_a_failing_decision_means_come_back_later() -> None:
    refusal = await House(ConnectionError("station service is down")).doorkeeper().ask(CP1)
    assert isinstance(refusal, Refusal)
    assert refusal.status is HTTPStatus.SERVICE_UNAVAILABLE
    assert refusal.rule is Rule.PLATFORM_UNAVAILABLE
    assert refusal.retry_after_seconds in range(5, 31)
    assert "station" not in refusal.reason


async def test_too_many_at_a_time_are_sent_away_at_once() -> None:
    house = House(open_door=False)
    doorkeeper = house.doorkeeper(max_pending=2)
    waiting = [asyncio.ensure_future(doorkeeper.ask(CP1)) for _ in range(2)]
    await asyncio.sleep(0)
    refusal = await doorkeeper.ask(CP1)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.rule) == (HTTPStatus.SERVICE_UNAVAILABLE, Rule.OVERLOADED)
    house.decide.set()
    assert await asyncio.gather(*waiting) == [WELCOME, WELCOME]
    assert await doorkeeper.ask(CP1) == WELCOME


async def test_a_welcome_after_the_time_limit_is_given_back() -> None:
    house = House(open_door=False)
    doorkeeper = house.doorkeeper(timeout_seconds=0.001)
    refusal = await doorkeeper.ask(CP1)
    assert isinstance(refusal, Refusal)
    assert house.left == []
    house.decide.set()
    await doorkeeper.settle()
    assert [(departure.charge_point_id, departure.epoch) for departure in house.left] == [("CP1", 7)]


async def test_a_welcome_for_someone_who_left_is_given_back() -> None:
    house = House(open_door=False)
    doorkeeper = house.doorkeeper()
    asking = asyncio.ensure_future(doorkeeper.ask(CP1))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    house.decide.set()
    await doorkeeper.settle()
    assert [departure.epoch for departure in house.left] == [7]


async def test_a_refusal_for_someone_who_left_needs_no_departure() -> None:
    house = House(Refusal(HTTPStatus.NOT_FOUND, Rule.UNKNOWN_IDENTITY, "unknown"), open_door=False)
    doorkeeper = house.doorkeeper(timeout_seconds=0.001)
    await doorkeeper.ask(CP1)
    house.decide.set()
    await doorkeeper.settle()
    assert house.left == []


async def test_a_departure_is_reported_again_until_somebody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_REPORT_AGAIN_SECONDS", 0.001)
    house = House()
    house.unreachable = ErrorKind.UNAVAILABLE
    doorkeeper = house.doorkeeper()
    doorkeeper.depart(Departure("CP1", 7, "connection_lost"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert house.left == []
    house.unreachable = None
    await asyncio.wait_for(house.told.wait(), 5)
    assert [departure.epoch for departure in house.left] == [7]


@pytest.mark.parametrize("kind", [ErrorKind.UNAVAILABLE, ErrorKind.INVALID_ARGUMENT])
async def test_who_cannot_be_told_does_not_keep_a_node_from_stopping(kind: ErrorKind) -> None:
    house = House()
    house.unreachable = kind
    doorkeeper = house.doorkeeper()
    doorkeeper.depart(Departure("CP1", 7, "connection_lost"))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await doorkeeper.settle()
    assert house.left == []


async def test_a_departure_that_cannot_be_reported_harms_nobody() -> None:
    house = House()
    doorkeeper = house.doorkeeper()
    doorkeeper.depart(Departure("CP1", 7, "broken"))
    doorkeeper.depart(Departure("CP2", 8, "connection_lost"))
    await doorkeeper.settle()
    assert [departure.epoch for departure in house.left] == [7, 8]


async def test_nobody_is_asked_about_while_the_door_is_closed() -> None:
    house, closed = House(), True
    doorkeeper = Doorkeeper(house.admit, house.leave, max_pending=2, timeout_seconds=60, closed=lambda: closed)
    refusal = await doorkeeper.ask(CP1)
    assert isinstance(refusal, Refusal)
    assert refusal.status is HTTPStatus.SERVICE_UNAVAILABLE
    assert refusal.retry_after_seconds
    closed = False
    assert await doorkeeper.ask(CP1) == WELCOME
