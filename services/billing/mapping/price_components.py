"""The components of tariffs."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from csms.billing.v1 import tariff_pb2 as tariff_pb
from services.billing.domain.price_component import ComponentKind, HolidayRule, HourlyPrice, PriceComponent
from services.billing.mapping.money import price_of, price_to_proto
from services.kernel.errors import invalid
from services.rpc.protobuf import enum_of, read_time, timestamp

# Of the same name and meaning on both sides; those that may be absent are None then.
_SAME = ("start_time_of_day", "end_time_of_day", "grace_minutes", "step_size", "start_of_season", "end_of_season")
_MAY_BE_ABSENT: Sequence[Any] = (
    "tax_basis_points", "min_energy_wh", "max_energy_wh", "min_power_w", "max_power_w", "min_duration_seconds",
    "max_duration_seconds",
)  # fmt: skip


def component_of(message: tariff_pb.PriceComponent, currency_code: str, place: str) -> PriceComponent:
    """The component in a message. Raises: INVALID_FIELD below `place`."""
    kind = enum_of(ComponentKind, tariff_pb.PriceComponent.Kind, message.kind)
    if kind is None:
        raise invalid(f"{place}.kind", "must be set")
    return PriceComponent(
        kind=kind,
        price=price_of(message.price, currency_code, f"{place}.price"),
        days_of_week=tuple(message.days_of_week),
        start_date=day_of(message.start_date, f"{place}.startDate"),
        end_date=day_of(message.end_date, f"{place}.endDate"),
        holidays=enum_of(HolidayRule, tariff_pb.PriceComponent.HolidayRule, message.holidays) or HolidayRule.ALWAYS,
        series=_series(message, currency_code, place),
        **{name: getattr(message, name) for name in _SAME},
        **{name: getattr(message, name) for name in _MAY_BE_ABSENT if message.HasField(name)},
    )


def component_to_proto(component: PriceComponent, currency_code: str) -> tariff_pb.PriceComponent:
    """The component as callers see it."""
    return tariff_pb.PriceComponent(
        kind=tariff_pb.PriceComponent.Kind.Value(component.kind),
        price=price_to_proto(component.price, currency_code),
        days_of_week=component.days_of_week,
        start_date=component.start_date.isoformat() if component.start_date else "",
        end_date=component.end_date.isoformat() if component.end_date else "",
        holidays=tariff_pb.PriceComponent.HolidayRule.Value(component.holidays or "HOLIDAY_RULE_UNSPECIFIED"),
        series=[
            tariff_pb.HourlyPrice(time=timestamp(one.time), price=price_to_proto(one.price, currency_code))
            for one in component.series
        ],
        **{name: getattr(component, name) for name in (*_SAME, *_MAY_BE_ABSENT)},
    )


def day_of(text: str, field: str) -> date | None:
    """A day as `YYYY-MM-DD`, None for no text. Raises: INVALID_FIELD naming `field`."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(field, "must be YYYY-MM-DD, a day of the calendar") from None


def _series(message: tariff_pb.PriceComponent, currency_code: str, place: str) -> tuple[HourlyPrice, ...]:
    found = []
    for position, one in enumerate(message.series):
        where = f"{place}.series[{position}]"
        if not one.HasField("time"):
            raise invalid(f"{where}.time", "must be set")
        found.append(HourlyPrice(read_time(one.time), price_of(one.price, currency_code, f"{where}.price")))
    return tuple(found)
