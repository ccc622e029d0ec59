"""The door: bounded in number and time, and no welcome is ever forgotten."""

import asyncio
from http import HTTPStatus

import pytest

from ocpp_edge.admission import admission_control as controlling
from ocpp_edge.admission.admission_control import Accepted, AdmissionControl, Disconnect
from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.peer import Peer
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.refusal import Rule

WELCOME = Accepted(7, ChargePointState.ACCEPTED, 60)
CP1 = ConnectionRequest("CP1", Version.V16, {Version.V16: "ocpp1.6"}, None, Peer("10.0.0.1"))


class House:
    """Decides when it is told to, and remembers who left."""

    def __init__(self, answer: Accepted | Refusal | Exception = WELCOME, *, open_door: bool = True) -> None:
        self.answer = answer
        self.decide = asyncio.Event()
        self.left: list[Disconnect] = []
        self.unreachable: ErrorKind | None = None
        self.reported = asyncio.Event()
        if open_door:
            self.decide.set()

    async def admit(self, _admission: ConnectionRequest) -> Accepted | Refusal:
        await self.decide.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def report_disconnect(self, disconnect: Disconnect) -> None:
        if self.unreachable is not None:
            raise DomainError(self.unreachable, self.unreachable, "nobody to tell")
        self.left.append(disconnect)
        self.reported.set()
        if disconnect.reason == "broken":
            raise ConnectionError("nobody to tell")

    def admission_control(self, max_pending: int = 2, timeout_seconds: float = 60) -> AdmissionControl:
        return AdmissionControl(
            self.admit, self.report_disconnect, max_pending=max_pending, timeout_seconds=timeout_seconds
        )


@pytest.mark.parametrize(
    "answer",
    [WELCOME, Refusal(HTTPStatus.UNAUTHORIZED, Rule.WRONG_PASSWORD, "wrong password")],
    ids=["in", "out"],
)
async def test_the_decision_is_passed_on(answer: Accepted | Refusal) -> None:
    assert await House(answer).admission_control().ask(CP1) == answer


async def test_a_failing_decision_means_come_back_later() -> None:
    refusal = await House(ConnectionError("station service is down")).admission_control().ask(CP1)
    assert isinstance(refusal, Refusal)
    assert refusal.status is HTTPStatus.SERVICE_UNAVAILABLE
    assert refusal.rule is Rule.PLATFORM_UNAVAILABLE
    assert refusal.retry_after_seconds in range(5, 31)
    assert "station" not in refusal.reason


async def test_too_many_at_a_time_are_sent_away_at_once() -> None:
    house = House(open_door=False)
    admission_control = house.admission_control(max_pending=2)
    waiting = [asyncio.ensure_future(admission_control.ask(CP1)) for _ in range(2)]
    await asyncio.sleep(0)
    refusal = await admission_control.ask(CP1)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.rule) == (HTTPStatus.SERVICE_UNAVAILABLE, Rule.OVERLOADED)
    house.decide.set()
    assert await asyncio.gather(*waiting) == [WELCOME, WELCOME]
    assert await admission_control.ask(CP1) == WELCOME


async def test_a_welcome_after_the_time_limit_is_given_back() -> None:
    house = House(open_door=False)
    admission_control = house.admission_control(timeout_seconds=0.001)
    refusal = await admission_control.ask(CP1)
    assert isinstance(refusal, Refusal)
    assert house.left == []
    house.decide.set()
    await admission_control.settle()
    assert [(disconnect.charge_point_id, disconnect.epoch) for disconnect in house.left] == [("CP1", 7)]


async def test_a_welcome_for_someone_who_left_is_given_back() -> None:
    house = House(open_door=False)
    admission_control = house.admission_control()
    asking = asyncio.ensure_future(admission_control.ask(CP1))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    house.decide.set()
    await admission_control.settle()
    assert [disconnect.epoch for disconnect in house.left] == [7]


async def test_a_refusal_for_someone_who_left_needs_no_departure() -> None:
    house = House(Refusal(HTTPStatus.NOT_FOUND, Rule.UNKNOWN_IDENTITY, "unknown"), open_door=False)
    admission_control = house.admission_control(timeout_seconds=0.001)
    await admission_control.ask(CP1)
    house.decide.set()
    await admission_control.settle()
    assert house.left == []


async def test_a_disconnect_is_reported_again_until_somebody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controlling, "_REPORT_AGAIN_SECONDS", 0.001)
    house = House()
    house.unreachable = ErrorKind.UNAVAILABLE
    admission_control = house.admission_control()
    admission_control.report(Disconnect("CP1", 7, "connection_lost"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert house.left == []
    house.unreachable = None
    await asyncio.wait_for(house.reported.wait(), 5)
    assert [disconnect.epoch for disconnect in house.left] == [7]


@pytest.mark.parametrize("kind", [ErrorKind.UNAVAILABLE, ErrorKind.INVALID_ARGUMENT])
async def test_who_cannot_be_told_does_not_keep_a_node_from_stopping(kind: ErrorKind) -> None:
    house = House()
    house.unreachable = kind
    admission_control = house.admission_control()
    admission_control.report(Disconnect("CP1", 7, "connection_lost"))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await admission_control.settle()
    assert house.left == []


async def test_a_departure_that_cannot_be_reported_harms_nobody() -> None:
    house = House()
    admission_control = house.admission_control()
    admission_control.report(Disconnect("CP1", 7, "broken"))
    admission_control.report(Disconnect("CP2", 8, "connection_lost"))
    await admission_control.settle()
    assert [disconnect.epoch for disconnect in house.left] == [7, 8]


async def test_nobody_is_asked_about_while_the_door_is_closed() -> None:
    house, closed = House(), True
    admission_control = AdmissionControl(
        house.admit, house.report_disconnect, max_pending=2, timeout_seconds=60, closed=lambda: closed
    )
    refusal = await admission_control.ask(CP1)
    assert isinstance(refusal, Refusal)
    assert refusal.status is HTTPStatus.SERVICE_UNAVAILABLE
    assert refusal.retry_after_seconds
    closed = False
    assert await admission_control.ask(CP1) == WELCOME
