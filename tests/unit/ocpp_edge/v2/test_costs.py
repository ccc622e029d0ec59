"""What a station shows of the cost of a transaction (OCPP 2.0.1 use cases I02 and I03)."""

from typing import Any

import pytest
from google.type.money_pb2 import Money

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.v2 import transaction_event
from ocpp_edge.versions import Version
from services.kernel.errors import unavailable
from tests.unit.ocpp_edge.platform import Platform, context
from tests.unit.ocpp_edge.v2.transaction_events import event

COST = Money(currency_code="EUR", units=12, nanos=340_000_000)


def _station(currency: str) -> ChargerContext:
    station = context(Version.V201)
    station.cost_currency = currency
    return station


@pytest.fixture
def platform() -> Platform:
    platform = Platform()
    platform.costs["x"] = COST
    return platform


@pytest.mark.parametrize("currency", ["EUR", "XXX"])
@pytest.mark.parametrize("kind", ["Updated", "Ended"])
async def test_the_cost_so_far_and_in_the_end_is_told(platform: Platform, kind: str, currency: str) -> None:
    assert await transaction_event.handle(event(kind), _station(currency), platform) == {"totalCost": 12.34}


async def test_the_cost_stands_beside_what_is_told_of_a_token(platform: Platform) -> None:
    token = {"idToken": {"idToken": "CARD", "type": "ISO14443"}}
    answer = await transaction_event.handle(event("Updated", **token), _station("EUR"), platform)
    assert (answer["totalCost"], answer["idTokenInfo"]["status"]) == (12.34, "Accepted")


@pytest.mark.parametrize(
    ("currency", "said"),
    [("", {}), ("USD", {}), ("EUR", {"offline": True})],
    ids=["shows none", "shows another currency", "was offline"],
)
async def test_a_cost_that_nobody_would_see_is_not_told(
    platform: Platform, currency: str, said: dict[str, Any]
) -> None:
    assert await transaction_event.handle(event(**said), _station(currency), platform) == {}


async def test_an_event_is_answered_without_a_cost_that_is_not_known(platform: Platform) -> None:
    platform.costs.clear()
    assert await transaction_event.handle(event(), _station("EUR"), platform) == {}
    platform.down["cost"] = unavailable("the billing service is away")
    assert await transaction_event.handle(event(), _station("EUR"), platform) == {}
    assert len(platform.events) == 2
