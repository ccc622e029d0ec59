"""Worked examples of tariffs in a file: what sessions are expected to cost, and what they come to.

A file holds `tariffs` by name, as `POST /pricing/tariffs` takes them or as OCPI writes them, and `cases`:

    name, tariff, timeZone, start, end, energyWh, tier
    readings     minutes since the start and Wh of the session, then W and mA where they were read
    idle         pairs of minutes in which the vehicle idled; or idleMinutes: those after the end
    reservation  minutes that a connector was kept before; expired: true when nobody came
    expect       net, gross; lines: what is charged, as `ENERGY 12.3 kWh 4.92`

It needs no system: the same function prices real sessions.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from google.protobuf import json_format

from csms.billing.v1 import tariff_pb2 as tariff_pb
from services.billing.domain.course import Reading, Span
from services.billing.domain.pricing import Consumption, Price, PriceLine, Reservation, checked, price
from services.billing.domain.tariff import MembershipTier, Tariff
from services.billing.domain.tariff_checks import validated, warnings
from services.billing.mapping.ocpi_tariffs import ocpi_tariff_fields
from services.billing.mapping.tariffs import tariff_fields
from services.kernel.errors import DomainError, invalid
from services.kernel.zones import zone_of

_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_ID = "00000000-0000-7000-8000-000000000000"
_FIELDS = {
    "name", "tariff", "timeZone", "start", "end", "energyWh", "tier", "readings", "idle", "idleMinutes", "reservation",
    "expired", "expect", "note",
}  # fmt: skip

Json = Mapping[str, Any]


class Outcome(NamedTuple):
    """What a case comes to: `differences` says what was expected otherwise, nothing when it holds."""

    name: str
    differences: Sequence[str]
    price: Price


class Report(NamedTuple):
    """The outcomes of a file, and what is said of its tariffs: (name of the tariff, warning)."""

    outcomes: Sequence[Outcome]
    warnings: Sequence[tuple[str, str]]


def run_cases(document: Json) -> Report:
    """Price every case. Numbers are Decimal, int or text. Raises: INVALID_FIELD with the place in the file."""
    tariffs = {
        name: _at(f"tariffs.{name}", _tariff, tariff) for name, tariff in (document.get("tariffs") or {}).items()
    }
    outcomes = []
    for position, case in enumerate(document.get("cases") or []):
        place = f"cases[{position}]"
        if unknown := case.keys() - _FIELDS:
            raise invalid(f"{place}.{min(unknown)}", "is not known here")
        if case.get("tariff") not in tariffs:
            raise invalid(f"{place}.tariff", f"must be one of {', '.join(tariffs)}")
        outcomes.append(_outcome(case, tariffs[case["tariff"]], place))
    if not outcomes:
        raise invalid("cases", "must be one at least")
    return Report(outcomes, [(name, text) for name, tariff in tariffs.items() for text in warnings(tariff)])


def _outcome(case: Json, tariff: Tariff, place: str) -> Outcome:
    priced = price(tariff, _at(place, _consumption, case))
    expected: Json = case.get("expect") or {}
    differences = []
    for name, amount in (("net", priced.subtotal), ("gross", priced.total)):
        if name in expected and Decimal(str(expected[name])) != amount.to_decimal():
            differences.append(f"{name} is {amount.to_decimal()}, expected {expected[name]}")
    lines = [line_text(line) for line in priced.lines]
    if "lines" in expected and list(expected["lines"]) != lines:
        differences.append(f"lines are {lines}, expected {list(expected['lines'])}")
    return Outcome(str(case.get("name", place)), differences, priced)


def line_text(line: PriceLine) -> str:
    """A line in short: kind, quantity with unit, amount."""
    return f"{line.kind} {line.quantity.normalize():f} {line.unit} {line.amount.to_decimal()}"


def _tariff(tariff: Json) -> Tariff:
    if "elements" in tariff:
        fields = ocpi_tariff_fields(tariff)
    else:
        message = tariff_pb.Tariff()
        try:
            json_format.ParseDict(dict(tariff), message)
        except json_format.ParseError as error:
            raise invalid("tariff", str(error)) from None
        fields = tariff_fields(message)
        fields["name"] = fields["name"] or "tariff"
    return validated(Tariff(id=_ID, **fields, create_time=_NOW, update_time=_NOW))


def _consumption(case: Json) -> Consumption:
    zone = str(case.get("timeZone", "UTC"))
    start, end = (_time(case, name, zone) for name in ("start", "end"))

    def at(minutes: Any) -> datetime:
        return start + timedelta(microseconds=int(Decimal(str(minutes)) * 60_000_000))

    readings = [Reading(at(minutes), *map(int, values)) for minutes, *values in case.get("readings") or ()]
    energy_wh = int(case["energyWh"]) if "energyWh" in case else max((one.energy_wh for one in readings), default=0)
    idle = [Span(at(begin), at(until)) for begin, until in case.get("idle") or ()]
    idle_minutes = sum((span.length for span in idle), timedelta()) // timedelta(minutes=1)
    reservation = None
    if "reservation" in case:
        reservation = Reservation(at(-Decimal(str(case["reservation"]))), start, bool(case.get("expired")))
    return checked(
        Consumption(
            energy_wh=energy_wh,
            start=start,
            end=end,
            idle_minutes=int(case.get("idleMinutes", idle_minutes)),
            time_zone=zone,
            tier=MembershipTier(case.get("tier", "BASIC")),
            readings=readings,
            idle=idle,
            reservation=reservation,
        )
    )


def _time(case: Json, name: str, zone: str) -> datetime:
    """A time with an offset, or by the station's clock."""
    read = datetime.fromisoformat(str(case[name]))
    return read if read.tzinfo else read.replace(tzinfo=zone_of(zone))


def _at(place: str, read: Any, what: Json) -> Any:
    try:
        return read(what)
    except DomainError as error:
        raise invalid(place, error.message) from None
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise invalid(place, f"cannot be read: {error}") from None
