"""Versions of tariffs as rows: columns where others look for them, the rest as JSON.

A component keeps what differs from the usual only, under names that release 0.2.0 knows where it knows the thing.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from services.billing.domain.price_component import (
    ComponentKind,
    HolidayRule,
    HourlyPrice,
    PriceComponent,
    ReservationRule,
)
from services.billing.domain.tariff import NO_LIMIT, Connector, MembershipTier, PriceLimit, Tariff

# What a component has in 0.2.0, which wants all of it and nothing else.
_IN_0_2_0 = ("kind", "price", "start_time_of_day", "end_time_of_day", "days_of_week", "grace_minutes")
_KINDS_OF_0_2_0 = (ComponentKind.ENERGY, ComponentKind.TIME, ComponentKind.FLAT, ComponentKind.IDLE)
_USUAL = {one.name: one.default for one in fields(PriceComponent)}
_PLAIN = (
    "id", "version", "name", "description", "currency_code", "tax_basis_points", "is_default", "retired",
    "create_time", "update_time", "tenant_id",
)  # fmt: skip


def is_readable_by_0_2_0(tariff: Tariff) -> bool:
    """Whether that release prices sessions by it as this one does."""
    has_rules = bool(_rules(tariff) or tariff.driver_ids or tariff.connectors)
    return not has_rules and all(_is_known_to_0_2_0(component) for component in tariff.components)


def connector_text(connector: Connector) -> str:
    """How a connector is looked for."""
    return f"{connector.connector_id}/{connector.charge_point_id}"


def values_of(tariff: Tariff) -> dict[str, Any]:
    """The columns of a version."""
    return {
        **{name: getattr(tariff, name) for name in _PLAIN},
        "tier_discounts": dict(tariff.tier_discounts),
        "components": [_component_to_json(component) for component in tariff.components],
        "station_ids": list(tariff.station_ids),
        "driver_ids": list(tariff.driver_ids),
        "connectors": [connector_text(connector) for connector in tariff.connectors],
        "rules": _rules(tariff),
    }


def tariff_of(row: Row[Any]) -> Tariff:
    """The version in a row."""
    columns = row._mapping
    rules: Mapping[str, Any] = columns["rules"] or {}
    return Tariff(
        **{name: columns[name] for name in _PLAIN},
        components=[_component(stored) for stored in columns["components"]],
        tier_discounts={MembershipTier(tier): points for tier, points in columns["tier_discounts"].items()},
        station_ids=columns["station_ids"],
        driver_ids=columns["driver_ids"] or (),
        connectors=[_connector(stored) for stored in columns["connectors"] or ()],
        tax_included=rules.get("tax_included", False),
        min_price=_limit(rules.get("min_price")),
        max_price=_limit(rules.get("max_price")),
        holidays=[date.fromisoformat(day) for day in rules.get("holidays", ())],
        valid_from=_time(rules.get("valid_from")),
        valid_until=_time(rules.get("valid_until")),
    )


def _rules(tariff: Tariff) -> dict[str, Any]:
    rules = {
        "tax_included": tariff.tax_included,
        "min_price": _limit_to_json(tariff.min_price),
        "max_price": _limit_to_json(tariff.max_price),
        "holidays": [day.isoformat() for day in tariff.holidays],
        "valid_from": tariff.valid_from and tariff.valid_from.isoformat(),
        "valid_until": tariff.valid_until and tariff.valid_until.isoformat(),
    }
    return {name: value for name, value in rules.items() if value}


def _is_known_to_0_2_0(component: PriceComponent) -> bool:
    usual = (getattr(component, name) == value for name, value in _USUAL.items() if name not in _IN_0_2_0)
    return component.kind in _KINDS_OF_0_2_0 and all(usual)


def _component_to_json(component: PriceComponent) -> dict[str, Any]:
    values = {name: getattr(component, name) for name in _USUAL}
    kept = {name: value for name, value in values.items() if name in _IN_0_2_0 or value != _USUAL[name]}
    return {name: _to_json(value) for name, value in kept.items()}


def _to_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple) and value and isinstance(value[0], HourlyPrice):
        return [[one.time.isoformat(), str(one.price)] for one in value]
    return value


def _component(stored: Mapping[str, Any]) -> PriceComponent:
    read = {name: _READERS[name](value) if name in _READERS else value for name, value in stored.items()}
    return PriceComponent(**read)


def _series(stored: list[list[str]]) -> tuple[HourlyPrice, ...]:
    return tuple(HourlyPrice(datetime.fromisoformat(time), Decimal(price)) for time, price in stored)


def _connector(stored: str) -> Connector:
    number, _, charge_point_id = stored.partition("/")
    return Connector(charge_point_id, int(number))


def _limit(stored: list[str | None] | None) -> PriceLimit:
    if stored is None:
        return NO_LIMIT
    return PriceLimit(*(None if amount is None else Decimal(amount) for amount in stored))


def _limit_to_json(limit: PriceLimit) -> list[str | None] | None:
    return None if limit == NO_LIMIT else [None if amount is None else str(amount) for amount in limit]


def _time(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "kind": ComponentKind,
    "price": Decimal,
    "days_of_week": tuple,
    "start_date": date.fromisoformat,
    "end_date": date.fromisoformat,
    "holidays": HolidayRule,
    "reservation": ReservationRule,
    "series": _series,
}
