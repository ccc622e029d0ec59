"""What a run needs in an empty stack, made through REST: stations with charge points, a tariff, drivers with cards.

The tariff makes arithmetic unnecessary: one cent for each watt-hour and nothing else, so a bill says its energy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stack.rest import Facade

_STATION_SIZE = 20
_CARDS_PER_DRIVER = 10
# So many of the charge points share their card with another one: it cannot charge at both at a time.
_SHARED_CARDS = 0.1
_PROTOCOLS = ("1.6", "2.0.1", "2.1")


@dataclass(frozen=True)
class Population:
    """Who charges where: the charge points, and a card and a version for each in turn."""

    charge_points: Sequence[str]
    cards: Sequence[str]
    protocols: Sequence[str] = _PROTOCOLS


def plan(chargers: int) -> Population:
    """The names of a fleet. Some of its cards are in use twice."""
    shared = int(chargers * _SHARED_CARDS)
    cards = [f"CARD{number % (chargers - shared):05}" for number in range(chargers)]
    return Population(tuple(f"CHAOS{number:05}" for number in range(chargers)), tuple(cards))


def populate(facade: Facade, people: Population) -> None:
    """Make all of it in an empty stack, with the tariff. Raises StackError when the facade refuses something."""
    facade.post("/pricing/tariffs", _TARIFF)
    settle_in(facade, people)


def settle_in(facade: Facade, people: Population) -> None:
    """Make stations, charge points, drivers and cards. Raises StackError when the facade refuses something."""
    names = people.charge_points
    for first in range(0, len(names), _STATION_SIZE):
        facade.post("/stations", _station(people, first))
    driver_id = ""
    for number, card in enumerate(dict.fromkeys(people.cards)):
        if number % _CARDS_PER_DRIVER == 0:
            driver_id = facade.post("/drivers", {"name": f"Driver of {card}"})["data"]["id"]
        facade.post("/rfid-cards", {"idTag": card, "driverId": driver_id})


_TARIFF: dict[str, Any] = {
    "name": "A cent a watt-hour",
    "currencyCode": "EUR",
    "components": [{"kind": "ENERGY", "price": {"currencyCode": "EUR", "units": "10", "nanos": 0}}],
    "isDefault": True,
}


def _station(people: Population, first: int) -> dict[str, Any]:
    names = people.charge_points[first : first + _STATION_SIZE]
    plugs = (1, 2)
    return {
        "name": f"Station of {names[0]}",
        "chargePoints": [{"id": name} for name in names],
        "connectors": [_connector(people, first + place, plug) for place in range(len(names)) for plug in plugs],
    }


def _connector(people: Population, number: int, plug: int) -> dict[str, Any]:
    # OCPP 2.x counts connectors within the EVSE, OCPP 1.6 within the charge point.
    is_16 = people.protocols[number % len(people.protocols)] == "1.6"
    where = {"connectorId": plug} if is_16 else {"evseId": plug, "connectorId": 1}
    return {"chargePointId": people.charge_points[number], "type": "CCS2", "maxPowerW": 50_000, **where}
