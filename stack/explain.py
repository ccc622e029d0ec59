"""`csms explain`: how the price of a charging session comes about, as a text for people."""

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from services.kernel.zones import zone_of
from stack.rest import Facade

Json = Mapping[str, Any]


def told(facade: Facade, session_id: str) -> str:
    """The explanation of a session. Raises: Refused when there is none, StackError without an answer."""
    try:
        return "\n".join(_text(facade.get(f"/charging-sessions/{quote(session_id, safe='')}/explain")["data"]))
    finally:
        facade.close()


def _text(explained: Json) -> Iterator[str]:
    price, zone = explained["price"], zone_of(explained["timeZone"])
    yield f"session {explained['chargingSessionId']}, tariff {price['tariffId']} version {price['tariffVersion']}"
    readings = int(explained["readingCount"])
    yield (
        f"energy by {readings} readings" if readings else "no readings tell when the energy came: evenly over the time"
    )
    for one in explained["lines"]:
        yield from _line(one, zone)
    yield f"{_money(price['subtotal'])} + tax {_money(price['tax'])} = {_money(price['total'])}"
    cost = explained.get("cost")
    if cost and _money(cost) != _money(price["total"]):
        yield f"the session says {_money(cost)}: something came after its bill"


def _line(one: Json, zone: tzinfo) -> Iterator[str]:
    line = one["line"]
    quantity, unit = line["quantity"], line["unit"]
    tax = f", tax {Decimal(line['taxBasisPoints']) / 100:f} %" if "taxBasisPoints" in line else ""
    yield f"{line['description']}: {quantity} {unit} x {_money(line['unitPrice'])} = {_money(line['amount'])}{tax}"
    if Decimal(one["exactAmount"]) != _amount(line["amount"]):
        yield f"    {one['exactAmount']} before rounding"
    if Decimal(one["stepAdded"]):
        yield f"    {one['stepAdded']} {unit} of it by steps of {one['stepSize']}"
    for part in one["parts"]:
        times = f"{_time(part['beginTime'], zone)} to {_time(part['endTime'], zone)}"
        yield f"    {times}: {part['quantity']} {unit} by components[{part['component']}]{_readings(part, zone)}"
    if one["partCount"] > len(one["parts"]):
        yield f"    and {one['partCount'] - len(one['parts'])} more times"


def _readings(part: Json, zone: tzinfo) -> str:
    found = []
    for reading in part["readings"]:
        power = f" {reading['powerW']} W" if "powerW" in reading else ""
        found.append(f"{_time(reading['time'], zone)} {reading['energyWh']} Wh{power}")
    return f", read {', '.join(found)}" if found else ""


def _time(text: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _amount(money: Json) -> Decimal:
    return Decimal(money["units"]) + Decimal(money["nanos"]) / 1_000_000_000


def _money(money: Json) -> str:
    whole, _, decimals = f"{_amount(money):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2} {money['currencyCode']}"
