"""Tariffs as OCPI writes them (2.2.1 and 2.3.0, module tariffs), read as ours.

An element of OCPI is a list of components that share restrictions; of each dimension the first that matches counts, so
that the list of all components in their order says the same. What is not known here is refused, not left out: a
restriction that is dropped makes a price for some hours one for all.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from services.billing.domain.price_component import ComponentKind, PriceComponent, ReservationRule
from services.billing.domain.tariff import NO_LIMIT, PriceLimit
from services.kernel.errors import invalid

_KINDS = {
    "ENERGY": ComponentKind.ENERGY,
    "TIME": ComponentKind.CHARGING_TIME,
    "PARKING_TIME": ComponentKind.IDLE,
    "FLAT": ComponentKind.FLAT,
}
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_RESERVATIONS = {"RESERVATION": ReservationRule.RESERVATION, "RESERVATION_EXPIRES": ReservationRule.EXPIRED}
_MIDNIGHT = "00:00"
_COMPONENT = {"type", "price", "vat", "step_size"}

Json = Mapping[str, Any]


def ocpi_tariff_fields(tariff: Json) -> dict[str, Any]:
    """The fields of our tariff. Numbers are Decimal, int or text, never float. Raises: INVALID_FIELD."""
    elements = tariff.get("elements") or []
    components = [
        component
        for position, element in enumerate(elements)
        for component in _components(element, f"elements[{position}]")
    ]
    return {
        "name": str(tariff.get("id", "tariff")),
        "currency_code": str(tariff.get("currency", "")),
        "components": components,
        "tier_discounts": {},
        "tax_included": tariff.get("tax_included") == "YES",
        "min_price": _limit(tariff.get("min_price"), "min_price"),
        "max_price": _limit(tariff.get("max_price"), "max_price"),
        "valid_from": _time(tariff, "start_date_time"),
        "valid_until": _time(tariff, "end_date_time"),
    }


def _components(element: Json, place: str) -> Iterator[PriceComponent]:
    restrictions = _restrictions(element.get("restrictions") or {}, f"{place}.restrictions")
    is_reservation = restrictions.get("reservation") is not None
    for position, component in enumerate(element.get("price_components") or []):
        where = f"{place}.price_components[{position}]"
        if unknown := component.keys() - _COMPONENT:
            raise invalid(f"{where}.{min(unknown)}", "is not known here")
        kind = _KINDS.get(component.get("type"))
        if kind is None:
            raise invalid(f"{where}.type", f"must be one of {', '.join(_KINDS)}")
        if is_reservation and kind is ComponentKind.CHARGING_TIME:
            kind = ComponentKind.TIME
        vat = component.get("vat")
        yield PriceComponent(
            kind=kind,
            price=_number(component.get("price"), f"{where}.price"),
            step_size=0 if kind is ComponentKind.FLAT else _whole(component.get("step_size", 0), f"{where}.step_size"),
            tax_basis_points=None if vat is None else _scaled(vat, 100, f"{where}.vat"),
            **restrictions,
        )


def _restrictions(restrictions: Json, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in restrictions.items():
        if value is None or name in ("start_time", "end_time"):
            continue
        read = _READERS.get(name)
        if read is None:
            raise invalid(f"{place}.{name}", "is not known here")
        field, convert = read
        try:
            found[field] = convert(value, f"{place}.{name}")
        except (ValueError, KeyError, TypeError):
            raise invalid(f"{place}.{name}", f"cannot be read: {str(value)[:50]!r}") from None
    begin, end = restrictions.get("start_time"), restrictions.get("end_time")
    times = (begin or _MIDNIGHT, end or _MIDNIGHT)
    if (begin or end) and times[0] != times[1]:
        found["start_time_of_day"], found["end_time_of_day"] = times
    return found


def _days(value: Any, _place: str) -> tuple[int, ...]:
    return tuple(_DAYS.index(day) + 1 for day in value)


def _limit(price: Json | None, place: str) -> PriceLimit:
    """A price with and without VAT (2.2.1), or before taxes with the taxes on it (2.3.0)."""
    if price is None:
        return NO_LIMIT
    if "before_taxes" in price:
        net = _number(price["before_taxes"], f"{place}.before_taxes")
        taxes = [_number(tax.get("amount"), f"{place}.taxes") for tax in price.get("taxes") or []]
        return PriceLimit(net, net + sum(taxes) if taxes else None)
    given = {name: value for name, value in price.items() if value is not None}
    if unknown := given.keys() - {"excl_vat", "incl_vat"}:
        raise invalid(f"{place}.{min(unknown)}", "is not known here")
    amounts = {name: _number(value, f"{place}.{name}") for name, value in given.items()}
    return PriceLimit(amounts.get("excl_vat"), amounts.get("incl_vat"))


def _time(tariff: Json, name: str) -> datetime | None:
    value = tariff.get(name)
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid(name, "is not a time") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _number(value: Any, place: str) -> Decimal:
    if not isinstance(value, Decimal | int | str) or isinstance(value, bool):
        raise invalid(place, "must be a number")
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise invalid(place, "must be a number") from None
    if not found.is_finite():
        raise invalid(place, "must be a number")
    return found


def _scaled(value: Any, factor: int, place: str) -> int:
    """A number in the unit that we count in. Raises: INVALID_FIELD for one that is finer."""
    found = _number(value, place) * factor
    if found % 1:
        raise invalid(place, f"is finer than a part in {factor}")
    return int(found)


def _whole(value: Any, place: str) -> int:
    return _scaled(value, 1, place)


def _thousandfold(value: Any, place: str) -> int:
    return _scaled(value, 1000, place)


_READERS: Mapping[str, tuple[str, Callable[[Any, str], Any]]] = {
    "start_date": ("start_date", lambda value, _: date.fromisoformat(str(value))),
    "end_date": ("end_date", lambda value, _: date.fromisoformat(str(value))),
    "day_of_week": ("days_of_week", _days),
    "min_kwh": ("min_energy_wh", _thousandfold),
    "max_kwh": ("max_energy_wh", _thousandfold),
    "min_power": ("min_power_w", _thousandfold),
    "max_power": ("max_power_w", _thousandfold),
    "min_current": ("min_current_ma", _thousandfold),
    "max_current": ("max_current_ma", _thousandfold),
    "min_duration": ("min_duration_seconds", _whole),
    "max_duration": ("max_duration_seconds", _whole),
    "reservation": ("reservation", lambda value, _: _RESERVATIONS[value]),
}
