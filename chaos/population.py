"""What a run needs in an empty stack, made through REST: stations with charge points, a tariff, drivers with cards.

The tariff makes arithmetic unnecessary: one cent for each watt-hour and nothing else, so a bill says its energy.
"""

from dataclasses import dataclass
from typing import Any

from chaos.system import System

_STATION_SIZE = 20
_CARDS_PER_DRIVER = 10
# So many of the charge points share their card with another one: it cannot charge at both at a time.
_SHARED_CARDS = 0.1
_PROTOCOLS = ("1.6", "2.0.1")


@dataclass(frozen=True)
class Population:
    """Who charges where: the charge points, and a card for each in turn."""

    charge_points: tuple[str, ...]
    cards: tuple[str, ...]
    protocols: tuple[str, ...] = _PROTOCOLS


def plan(chargers: int) -> Population:
    """The names of a fleet. Some of its cards are in use twice."""
    shared = int(chargers * _SHARED_CARDS)
    cards = [f"CARD{number % (chargers - shared):05}" for number in range(chargers)]
    return Population(tuple(f"CHAOS{number:05}" for number in range(chargers)), tuple(cards))


def populate(system: System, people: Population) -> None:
    """Make all of it. Raises StackError when the facade refuses something."""
    facade = system.facade()
    try:
        facade.post("/pricing/tariffs", _TARIFF)
        names = people.charge_points
        for first in range(0, len(names), _STATION_SIZE):
            facade.post("/stations", _station(first, names[first : first + _STATION_SIZE]))
        driver_id = ""
        for number, card in enumerate(dict.fromkeys(people.cards)):
            if number % _CARDS_PER_DRIVER == 0:
                driver_id = facade.post("/drivers", {"name": f"Driver {number}"})["data"]["id"]
            facade.post("/rfid-cards", {"idTag": card, "driverId": driver_id})
    finally:
        facade.close()


_TARIFF: dict[str, Any] = {
    "name": "A cent a watt-hour",
    "currencyCode": "EUR",
    "components": [{"kind": "ENERGY", "price": {"currencyCode": "EUR", "units": "10", "nanos": 0}}],
    "isDefault": True,
}


def _station(first: int, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": f"Chaos {first // _STATION_SIZE + 1}",
        "chargePoints": [{"id": name} for name in names],
        "connectors": [_connector(first + place, name, plug) for place, name in enumerate(names) for plug in (1, 2)],
    }


def _connector(number: int, name: str, plug: int) -> dict[str, Any]:
    # OCPP 2.x counts connectors within the EVSE, OCPP 1.6 within the charge point.
    is_16 = _PROTOCOLS[number % len(_PROTOCOLS)] == "1.6"
    where = {"connectorId": plug} if is_16 else {"evseId": plug, "connectorId": 1}
    return {"chargePointId": name, "type": "CCS2", "maxPowerW": 50_000, **where}
