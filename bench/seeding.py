"""What a system is given by REST before it is measured: a price, stations. And what it then has to be read."""

from stack.rest import Facade

_STATIONS = 25
_SESSIONS = 50


def set_tariff(facade: Facade) -> None:
    """A price for every session: without one, nobody is billed and billing has nothing to do."""
    price = {"currencyCode": "EUR", "units": "0", "nanos": 490_000_000}
    tariff = {
        "name": "Bench",
        "currencyCode": "EUR",
        "components": [{"kind": "FLAT", "price": price}, {"kind": "ENERGY", "price": price}],
        "isDefault": True,
    }
    facade.post("/pricing/tariffs?requestId=bench", tariff)


def make_stations(facade: Facade) -> None:
    """More stations than a page of them has."""
    for number in range(_STATIONS):
        station = {
            "name": f"Bench station {number}",
            "address": f"Messestrasse {number}",
            "city": "Leipzig",
            "country": "DE",
            "latitude": 51.3 + number / 1_000,
            "longitude": 12.3,
            "timeZone": "Europe/Berlin",
        }
        facade.post(f"/stations?requestId=bench-station-{number}", station)


def session_ids(facade: Facade) -> list[str]:
    """The ids of some charging sessions, the newest."""
    found = facade.get(f"/charging-sessions?pageSize={_SESSIONS}")
    return [str(session["id"]) for session in next(value for value in found.values() if isinstance(value, list))]
