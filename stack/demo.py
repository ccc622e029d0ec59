"""What a newcomer finds in an empty system: stations, charge points, a tariff each, drivers with cards, an account.

Made once through the REST facade, as any caller would make it. A system that has a station is left as it is.
"""

import secrets
from typing import Any

from stack import keys, private_files
from stack.rest import Facade, Refused
from stack.state import State
from stack.topology import Ports

# The first two are for whoever tries `csms simulate`; the others are kept busy by simulated chargers.
CHARGE_POINTS = ("CP001", "CP002", "CP003", "CP004", "CP005")
FLEET = CHARGE_POINTS[2:]
CARDS = tuple(f"DEMO{number:04}" for number in range(1, 11))
FLEET_CARDS = CARDS[5:]
OPERATOR = "operator@example.com"

_TOKEN_SECONDS = 300
_CONFLICT = 409

_STATIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "Berlin Alexanderplatz",
        "address": "Alexanderstraße 7",
        "city": "Berlin",
        "country": "DE",
        "latitude": 52.5219,
        "longitude": 13.4132,
        "timeZone": "Europe/Berlin",
    },
    {
        "name": "Hamburg Hafencity",
        "address": "Am Sandtorkai 30",
        "city": "Hamburg",
        "country": "DE",
        "latitude": 53.5436,
        "longitude": 9.9885,
        "timeZone": "Europe/Berlin",
    },
    {
        "name": "Wien Praterstern",
        "address": "Praterstern 5",
        "city": "Wien",
        "country": "AT",
        "latitude": 48.2184,
        "longitude": 16.3922,
        "timeZone": "Europe/Vienna",
    },
)
_OCPP_2 = ("CP002", "CP004")
_STATION_OF = {"CP001": 0, "CP002": 0, "CP003": 1, "CP004": 1, "CP005": 2}
_DRIVERS = (
    ("Ada Lovelace", "PLATINUM"),
    ("Nikola Tesla", "GOLD"),
    ("Marie Curie", "GOLD"),
    ("Alan Turing", "SILVER"),
    ("Grace Hopper", "SILVER"),
    ("Emmy Noether", "BASIC"),
    ("Konrad Zuse", "BASIC"),
    ("Lise Meitner", "BASIC"),
    ("Carl Benz", "BASIC"),
    ("Bertha Benz", "BASIC"),
)


def seed(state: State, ports: Ports, host: str) -> str:
    """Make what is missing. Returns one line for people. Raises StackError when the facade refuses something."""
    token = keys.mint(state.keys, role="admin", driver_id=None, ttl_seconds=_TOKEN_SECONDS, subject="demo")
    facade = Facade(host, ports["gateway"], token)
    try:
        if facade.get("/stations?pageSize=1")["totalSize"]:
            return "the data of the last time is there"
        drivers = [_driver(facade, number) for number in range(len(_DRIVERS))]
        _account(facade, state)
        _tariffs(facade, [_station(facade, number) for number in range(len(_STATIONS))])
        return f"demo data made: {len(_STATIONS)} stations, {len(CHARGE_POINTS)} charge points, {len(drivers)} drivers"
    finally:
        facade.close()


def _station(facade: Facade, number: int) -> str:
    points = [point for point in CHARGE_POINTS if _STATION_OF[point] == number]
    connectors = [_connector(point, place) for point in points for place in (1, 2)]
    body = {**_STATIONS[number], "chargePoints": [{"id": point} for point in points], "connectors": connectors}
    created: str = facade.post(f"/stations?requestId=demo-station-{number}", body)["data"]["id"]
    return created


def _connector(point: str, place: int) -> dict[str, Any]:
    """The fast connector of a charge point is at place 1, the slow one at place 2."""
    what = {"type": "CCS2", "maxPowerW": 50_000} if place == 1 else {"type": "TYPE2", "maxPowerW": 22_000}
    # OCPP 2.x counts connectors within the EVSE, OCPP 1.6 within the charge point.
    where = {"evseId": place, "connectorId": 1} if point in _OCPP_2 else {"connectorId": place}
    return {"chargePointId": point, **where, **what}


def _driver(facade: Facade, number: int) -> str:
    name, tier = _DRIVERS[number]
    body = {
        "name": name,
        "email": f"{name.lower().replace(' ', '.')}@example.com",
        "phone": f"+49 30 5550{number:02}",
        "membershipTier": tier,
    }
    driver_id: str = facade.post(f"/drivers?requestId=demo-driver-{number}", body)["data"]["id"]
    card = {"idTag": CARDS[number], "driverId": driver_id}
    facade.post(f"/rfid-cards?requestId=demo-card-{number}", card)
    return driver_id


def _account(facade: Facade, state: State) -> None:
    password = private_files.secret(state.demo_password, lambda: secrets.token_urlsafe(12))
    try:
        facade.post("/accounts", {"name": OPERATOR, "role": "OPERATOR", "password": password})
    except Refused as refusal:
        if refusal.status != _CONFLICT:
            raise


def _tariffs(facade: Facade, stations: list[str]) -> None:
    standard = {
        "name": "Standard",
        "description": "For every kilowatt-hour, and for blocking the connector after 15 minutes.",
        "currencyCode": "EUR",
        "components": [
            {"kind": "ENERGY", "price": _euros("0.49")},
            {"kind": "IDLE", "price": _euros("6.00"), "graceMinutes": 15},
        ],
        "taxBasisPoints": 1900,
        "tierDiscounts": [
            {"membershipTier": "SILVER", "discountBasisPoints": 300},
            {"membershipTier": "GOLD", "discountBasisPoints": 500},
            {"membershipTier": "PLATINUM", "discountBasisPoints": 1000},
        ],
        "isDefault": True,
    }
    by_time_of_day = {
        "name": "Night and day",
        "description": "Cheaper from 22 to 6 o'clock, with a fee for each session.",
        "currencyCode": "EUR",
        "components": [
            {"kind": "FLAT", "price": _euros("0.50")},
            {"kind": "ENERGY", "price": _euros("0.29"), "startTimeOfDay": "22:00", "endTimeOfDay": "06:00"},
            {"kind": "ENERGY", "price": _euros("0.44")},
        ],
        "taxBasisPoints": 2000,
        "stationIds": [stations[-1]],
    }
    for number, tariff in enumerate((standard, by_time_of_day)):
        facade.post(f"/pricing/tariffs?requestId=demo-tariff-{number}", tariff)


def _euros(amount: str) -> dict[str, Any]:
    units, cents = amount.split(".")
    return {"currencyCode": "EUR", "units": units, "nanos": int(cents) * 10_000_000}
