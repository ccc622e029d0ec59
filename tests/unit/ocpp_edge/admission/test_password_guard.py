"""Who tries passwords waits, and who has the right one does not."""

import asyncio
from http import HTTPStatus

import pytest

from ocpp_edge.admission.admission_control import Accepted
from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.password_guard import Guard, WrongTries
from ocpp_edge.admission.peer import Peer
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.versions import Version
from services.kernel.refusal import Rule
from tests.unit.ocpp_edge.harness import ManualTime

pytestmark = pytest.mark.field_case("E6")

HOME, ELSEWHERE = "10.0.0.1", "203.0.113.7"
RIGHT = b"the right password"


class House:
    """Knows some charge points, all with the right password, and counts whom it was asked about."""

    def __init__(self, *known: str) -> None:
        self.known = known or ("CP1",)
        self.asked = 0
        self.reported: list[tuple[str, str, bytes]] = []
        self.time = ManualTime()
        self.tries = WrongTries(self.time)
        self.guard = Guard(self.admit, self.tries, lambda *about: self.reported.append(about))
        self.gate = asyncio.Event()
        self.gate.set()

    async def admit(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        self.asked += 1
        await self.gate.wait()
        if connection_request.charge_point_id not in self.known:
            return Refusal(HTTPStatus.NOT_FOUND, Rule.UNKNOWN_IDENTITY, "unknown")
        if connection_request.password not in (RIGHT, None):
            return Refusal(HTTPStatus.UNAUTHORIZED, Rule.WRONG_PASSWORD, "wrong")
        return Accepted(1, ChargePointState.ACCEPTED, 60)

    async def knock(self, password: bytes | None = RIGHT, address: str = HOME, identity: str = "CP1") -> Rule | None:
        """The rule that refuses, None when it is let in."""
        answer = await self.ask(password, address, identity)
        return answer.rule if isinstance(answer, Refusal) else None

    async def ask(
        self, password: bytes | None = RIGHT, address: str = HOME, identity: str = "CP1"
    ) -> Accepted | Refusal:
        return await self.guard.admit(
            ConnectionRequest(identity, Version.V16, {Version.V16: "ocpp1.6"}, password, Peer(address))
        )


def wrong(number: int) -> bytes:
    return b"a wrong password %d" % number


async def test_a_few_wrong_passwords_cost_nothing() -> None:
    house = House()
    for number in range(5):
        assert await house.knock(wrong(number)) is Rule.WRONG_PASSWORD
    assert await house.knock() is None


async def test_of_400_wrong_passwords_few_are_looked_at_and_the_others_are_told_to_wait() -> None:
    house = House()
    answers = [await house.ask(wrong(number), ELSEWHERE) for number in range(400)]

    assert house.asked <= 10
    last = answers[-1]
    assert isinstance(last, Refusal)
    assert (last.status, last.rule) == (HTTPStatus.TOO_MANY_REQUESTS, Rule.TOO_MANY_ATTEMPTS)
    assert last.retry_after_seconds
    # What was tried is told apart, without telling what it was.
    guesses = {answer.guess for answer in answers if isinstance(answer, Refusal)}
    assert len(guesses) == 400
    assert not any(b"wrong" in guess for guess in guesses)


async def test_the_same_wrong_password_is_one_guess_and_slowed_down_as_well() -> None:
    house = House()
    answers = [await house.ask(wrong(1)) for _ in range(100)]

    assert house.asked <= 10
    assert len([answer for answer in answers if isinstance(answer, Refusal) and answer.guess]) == 1


async def test_waits_grow_up_to_a_minute() -> None:
    house = House()
    waits = []
    for number in range(15):
        while wait := house.tries.wait_seconds("CP1", HOME):
            waits.append(wait)
            house.time.now += wait
        await house.knock(wrong(number))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_the_right_password_from_elsewhere_is_never_kept_waiting() -> None:
    house = House()
    for number in range(400):
        await house.knock(wrong(number), ELSEWHERE)
    assert await house.knock(RIGHT, HOME) is None


async def test_others_at_the_same_address_are_not_kept_waiting() -> None:
    house = House("CP1", "CP2")
    for number in range(50):
        await house.knock(wrong(number), ELSEWHERE)
    assert await house.knock(RIGHT, ELSEWHERE, "CP2") is None


async def test_once_its_password_is_right_it_is_let_in_after_a_minute_at_most() -> None:
    house = House()
    for _ in range(400):
        await house.knock(wrong(1))
        house.time.now += 1
    house.time.now += 60
    assert await house.knock() is None
    assert await house.knock(wrong(2)) is Rule.WRONG_PASSWORD


async def test_a_burst_at_once_is_not_looked_at_as_a_whole() -> None:
    house = House()
    house.gate.clear()
    burst = [asyncio.ensure_future(house.knock(wrong(number))) for number in range(100)]
    await asyncio.sleep(0)
    house.gate.set()
    rules = await asyncio.gather(*burst)
    assert house.asked == 5
    assert rules.count(Rule.TOO_MANY_ATTEMPTS) == 95


async def test_one_password_tried_at_many_charge_points_is_slowed_down_by_address() -> None:
    names = [f"CP{number}" for number in range(1000)]
    house = House(*names)
    rules = [await house.knock(wrong(1), ELSEWHERE, name) for name in names]
    assert rules.count(Rule.WRONG_PASSWORD) <= 111
    # Nobody is locked out: so many a second are looked at, and who was let in from there before always.
    house.time.now += 1
    assert await house.knock(RIGHT, ELSEWHERE, "CP999") is None
    for name in names:
        await house.knock(wrong(2), ELSEWHERE, name)
    assert await house.knock(RIGHT, ELSEWHERE, "CP999") is None
    assert await house.knock(RIGHT, HOME, "CP998") is None


async def test_a_scanner_of_identities_is_slowed_down_by_address() -> None:
    house = House()
    rules = [await house.knock(None, ELSEWHERE, f"SCAN{number}") for number in range(1000)]
    assert rules.count(Rule.UNKNOWN_IDENTITY) <= 111
    assert await house.knock(None, HOME) is None


async def test_a_site_of_unknown_charge_points_that_knock_for_ever_is_no_scanner() -> None:
    house = House()
    for _ in range(50):
        for number in range(90):
            assert await house.knock(None, HOME, f"NEW{number}") is Rule.UNKNOWN_IDENTITY


async def test_what_other_nodes_tell_counts_as_well() -> None:
    attacked, other = House(), House()
    for number in range(10):
        await attacked.knock(wrong(number), ELSEWHERE)
    for about in attacked.reported:
        other.tries.note(*about)
    assert await other.knock(wrong(99), ELSEWHERE) is Rule.TOO_MANY_ATTEMPTS
    assert await other.knock(RIGHT, HOME) is None


async def test_what_is_remembered_is_bounded() -> None:
    tries = WrongTries(ManualTime())
    for number in range(50_000):
        tries.note(f"CP{number}", f"address {number}", b"guess")
        tries.confirm(f"OK{number}", f"address {number}")
    assert max(len(tries._tries), len(tries._buckets), len(tries._good)) == 20_000
