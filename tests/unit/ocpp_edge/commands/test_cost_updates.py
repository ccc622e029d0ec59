"""Displays are kept true between the events of a transaction (OCPP 2.0.1 use case I02)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from google.type.money_pb2 import Money

from ocpp_edge.commands.cost_updates import CostUpdates
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.calls import Outcome, Priority, Refused, Result
from ocpp_edge.v2 import transaction_event
from ocpp_edge.versions import Version
from services.kernel.clock import FixedClock
from services.kernel.errors import unavailable
from tests.unit.ocpp_edge.platform import NOW, Platform, context
from tests.unit.ocpp_edge.v2.transaction_events import event

MINUTE = timedelta(minutes=1)
CARD = {"idToken": {"idToken": "CARD", "type": "ISO14443"}}


class Station:
    """A connection: answers calls as it is told to, and keeps them."""

    def __init__(self, platform: Platform) -> None:
        self.context: ChargerContext = context(Version.V201)
        self.context.cost_currency = "EUR"
        self.backend = platform
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.outcome: Outcome = Result({})
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def call(self, action: str, payload: dict[str, Any], *, priority: Priority, **_: float) -> Outcome:
        assert priority is Priority.BACKGROUND
        self.calls.append((action, payload))
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.outcome

    async def tell(self, kind: str, **fields: Any) -> Any:
        return await transaction_event.handle(event(kind, **fields), self.context, self.backend)

    @property
    def told(self) -> list[float]:
        return [payload["totalCost"] for _, payload in self.calls]


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def station(platform: Platform) -> Station:
    return Station(platform)


@pytest.fixture
def look(platform: Platform, station: Station) -> Callable[[int], Awaitable[None]]:
    async def look(minutes: int) -> None:
        """Look so many minutes after the beginning."""
        platform.clock = FixedClock(NOW + minutes * MINUTE)
        await CostUpdates([station], platform.clock, MINUTE).look()  # type: ignore[list-item]

    return look


def _costs(platform: Platform, euros: int) -> None:
    platform.costs["x"] = Money(currency_code="EUR", units=euros)


async def test_a_cost_that_has_changed_is_told_when_no_event_comes(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    await station.tell("Started", **CARD)
    _costs(platform, 2)
    await look(0)
    assert station.calls == []
    await look(1)
    assert station.calls == [("CostUpdated", {"totalCost": 2.0, "transactionId": "T1"})]
    await look(2)  # it is the same still
    _costs(platform, 3)
    await look(3)
    await look(3)  # it was told just now
    assert station.told == [2.0, 3.0]


async def test_a_display_never_goes_back_before_the_end(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    await station.tell("Started", **CARD)
    _costs(platform, 3)
    assert (await station.tell("Updated"))["totalCost"] == 3.0
    _costs(platform, 0)  # a register that cannot be true
    assert (await station.tell("Updated"))["totalCost"] == 3.0
    await look(1)
    assert station.calls == []
    _costs(platform, 2)
    assert (await station.tell("Ended"))["totalCost"] == 2.0


async def test_what_an_answer_told_is_not_told_again(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    _costs(platform, 2)
    await station.tell("Started", **CARD)
    assert (await station.tell("Updated"))["totalCost"] == 2.0
    await look(1)
    assert station.calls == []


async def test_an_end_is_the_last_that_is_told(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    await station.tell("Started", **CARD)
    await station.tell("Ended")
    _costs(platform, 2)
    await look(5)
    assert station.calls == []


async def test_a_transaction_that_ends_while_its_cost_is_told_is_forgotten(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    await station.tell("Started", **CARD)
    _costs(platform, 2)

    async def ends() -> None:
        await station.tell("Ended")

    station.meanwhile = ends
    await look(1)
    _costs(platform, 3)
    await look(9)
    assert station.told == [2.0]


async def test_a_station_that_does_not_know_the_message_is_left_alone(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    station.outcome = Refused("NotImplemented", "", {})
    await station.tell("Started", **CARD)
    for minute in range(1, 4):
        _costs(platform, minute)
        await look(minute)
    assert station.told == [1.0]


async def test_a_cost_that_is_not_known_is_told_later(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    await station.tell("Started", **CARD)
    _costs(platform, 2)
    platform.down["cost"] = unavailable("the billing service is away")
    await look(1)
    platform.down.clear()
    await look(2)
    assert station.told == [2.0]


async def test_a_station_that_shows_no_costs_is_told_none(
    platform: Platform, station: Station, look: Callable[[int], Awaitable[None]]
) -> None:
    station.context.cost_currency = ""
    await station.tell("Started", **CARD)
    _costs(platform, 2)
    await look(1)
    assert station.calls == []
