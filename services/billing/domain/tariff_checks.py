"""What is refused of a tariff, and what is said about one that two readers may read in two ways."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from services.billing.domain.price_component import ComponentKind, PriceComponent, ReservationRule
from services.kernel.identity import identity_of
from services.kernel.ids import is_id
from services.kernel.money import currency
from services.kernel.validation import Violations

if TYPE_CHECKING:
    from services.billing.domain.tariff import PriceLimit, Tariff

_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAY_OF_YEAR = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_ANY_LEAP_YEAR = 2024
_MOST_COMPONENTS = 50
_MOST_HOLIDAYS = 500
_MOST_HOURS = 2_500
_MOST_PRICE = 1_000_000
_MOST_SERIES_PRICE = 1_000
_LONGEST_SECONDS = 366 * 86_400
_MOST_WH = 100_000_000
_MOST_W = 10_000_000
_MOST_MA = 10_000_000
_WHOLE = 10_000
_HOUR = timedelta(hours=1)
# The pairs of bounds: least and most, by the fields that callers know, and how great they can be.
_BOUNDS = (
    ("min_energy_wh", "max_energy_wh", "minEnergyWh", "maxEnergyWh", _MOST_WH),
    ("min_power_w", "max_power_w", "minPowerW", "maxPowerW", _MOST_W),
    ("min_current_ma", "max_current_ma", "minCurrentMa", "maxCurrentMa", _MOST_MA),
    ("min_duration_seconds", "max_duration_seconds", "minDurationSeconds", "maxDurationSeconds", _LONGEST_SECONDS),
)
_OF_RESERVATIONS = (ComponentKind.FLAT, ComponentKind.TIME)
_WITH_STEPS = (ComponentKind.ENERGY, ComponentKind.TIME, ComponentKind.CHARGING_TIME, ComponentKind.IDLE)


def validated(tariff: "Tariff") -> "Tariff":
    """`tariff` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("tariff")
    violations.text("name", tariff.name.strip(), longest=200, shortest=1)
    violations.text("description", tariff.description, longest=1000)
    violations.parsed("currencyCode", partial(currency, tariff.currency_code))
    violations.number("taxBasisPoints", tariff.tax_basis_points, 0, _WHOLE)
    count = len(tariff.components)
    violations.check(1 <= count <= _MOST_COMPONENTS, "components", f"must be 1 to {_MOST_COMPONENTS}")
    for position, component in enumerate(tariff.components[:_MOST_COMPONENTS]):
        _check_component(violations, f"components[{position}]", component)
    for position, discount in enumerate(tariff.tier_discounts.values()):
        violations.number(f"tierDiscounts[{position}].discountBasisPoints", discount, 0, _WHOLE)
    for position, station_id in enumerate(tariff.station_ids):
        violations.check(is_id(station_id), f"stationIds[{position}]", "is not the id of a station")
    for position, driver_id in enumerate(tariff.driver_ids):
        violations.check(is_id(driver_id), f"driverIds[{position}]", "is not the id of a driver")
    for position, connector in enumerate(tariff.connectors):
        place = f"connectors[{position}]"
        violations.parsed(f"{place}.chargePointId", partial(identity_of, connector.charge_point_id))
        violations.number(f"{place}.connectorId", connector.connector_id, 0, 1000)
    violations.check(not (tariff.is_default and tariff.retired), "isDefault", "a retired tariff cannot be the default")
    _check_limits(violations, tariff.min_price, tariff.max_price)
    violations.check(len(tariff.holidays) <= _MOST_HOLIDAYS, "holidays", f"must be at most {_MOST_HOLIDAYS}")
    goes_by_holidays = any(component.holidays for component in tariff.components)
    violations.check(bool(tariff.holidays) or not goes_by_holidays, "holidays", "are asked for by a component")
    validity = (tariff.valid_from, tariff.valid_until)
    violations.check(_is_ascending(*validity), "validUntil", "must lie after validFrom")
    violations.raise_if_any()
    return tariff


def warnings(tariff: "Tariff") -> list[str]:
    """What may be read in two ways, each in a sentence that says how it is read here and how to write it plainly."""
    return [*_of_components(tariff.components), *_of_limits(tariff)]


def _check_component(violations: Violations, place: str, component: PriceComponent) -> None:
    violations.check(0 <= component.price <= _MOST_PRICE, f"{place}.price", f"must be 0 to {_MOST_PRICE}")
    times = (component.start_time_of_day, component.end_time_of_day)
    violations.check(bool(times[0]) == bool(times[1]), f"{place}.startTimeOfDay", "and endTimeOfDay belong together")
    for name, value in zip(("startTimeOfDay", "endTimeOfDay"), times, strict=True):
        violations.check(not value or bool(_TIME_OF_DAY.fullmatch(value)), f"{place}.{name}", "must be HH:MM")
    violations.check(not times[0] or times[0] != times[1], f"{place}.endTimeOfDay", "must differ from startTimeOfDay")
    days = all(1 <= day <= 7 for day in component.days_of_week)
    violations.check(days, f"{place}.daysOfWeek", "must be 1 (Monday) to 7 (Sunday)")
    violations.number(f"{place}.graceMinutes", component.grace_minutes, 0, 10_080)
    only_idle = component.kind is ComponentKind.IDLE or component.grace_minutes == 0
    violations.check(only_idle, f"{place}.graceMinutes", "is for IDLE only")
    _check_dates(violations, place, component)
    _check_amounts(violations, place, component)
    _check_series(violations, place, component)


def _check_dates(violations: Violations, place: str, component: PriceComponent) -> None:
    dates = (component.start_date, component.end_date)
    violations.check(_is_ascending(*dates), f"{place}.endDate", "must lie after startDate: it is exclusive")
    season = (component.start_of_season, component.end_of_season)
    violations.check(bool(season[0]) == bool(season[1]), f"{place}.startOfSeason", "and endOfSeason belong together")
    for name, value in zip(("startOfSeason", "endOfSeason"), season, strict=True):
        violations.check(not value or _is_day_of_year(value), f"{place}.{name}", "must be MM-DD, a day of the year")
    violations.check(not season[0] or season[0] != season[1], f"{place}.endOfSeason", "must differ from startOfSeason")


def _check_amounts(violations: Violations, place: str, component: PriceComponent) -> None:
    for least, most, least_name, most_name, greatest in _BOUNDS:
        bounds = (getattr(component, least), getattr(component, most))
        for name, bound in zip((least_name, most_name), bounds, strict=True):
            violations.check(bound is None or 0 <= bound <= greatest, f"{place}.{name}", f"must be 0 to {greatest}")
        violations.check(_is_ascending(*bounds), f"{place}.{most_name}", f"must be more than {least_name}")
    violations.number(f"{place}.stepSize", component.step_size, 0, 1_000_000)
    steps = component.kind in _WITH_STEPS or component.step_size <= 1
    violations.check(steps, f"{place}.stepSize", "is for energy and time only")
    tax = component.tax_basis_points
    violations.check(tax is None or 0 <= tax <= _WHOLE, f"{place}.taxBasisPoints", f"must be 0 to {_WHOLE}")
    if component.reservation is not ReservationRule.NONE:
        can_be = component.kind in _OF_RESERVATIONS
        violations.check(can_be, f"{place}.reservation", "is for FLAT and TIME only")


def _check_series(violations: Violations, place: str, component: PriceComponent) -> None:
    count = len(component.series)
    violations.check(count != 1, f"{place}.series", "must have two times at least: the last one ends it")
    violations.check(count <= _MOST_HOURS, f"{place}.series", f"must have at most {_MOST_HOURS} times")
    for position, (before, after) in enumerate(pairwise(component.series[: _MOST_HOURS + 1]), 1):
        violations.check(before.time < after.time, f"{place}.series[{position}].time", "must lie after the one before")
    for position, one in enumerate(component.series[:_MOST_HOURS]):
        is_price = abs(one.price) <= _MOST_SERIES_PRICE
        violations.check(is_price, f"{place}.series[{position}].price", f"must be at most {_MOST_SERIES_PRICE}")
    can_be = not component.series or component.kind is not ComponentKind.FLAT
    violations.check(can_be, f"{place}.series", "is not for FLAT")


def _check_limits(violations: Violations, least: "PriceLimit", most: "PriceLimit") -> None:
    for name, limit in (("minPrice", least), ("maxPrice", most)):
        for part, amount in (("net", limit.net), ("gross", limit.gross)):
            fits = amount is None or 0 <= amount <= _MOST_PRICE
            violations.check(fits, f"{name}.{part}", f"must be 0 to {_MOST_PRICE}")
        if limit.net is not None and limit.gross is not None:
            violations.check(limit.net <= limit.gross, f"{name}.gross", "must not be less than net")
    for part, pair in (("net", (least.net, most.net)), ("gross", (least.gross, most.gross))):
        fits = pair[0] is None or pair[1] is None or pair[0] <= pair[1]
        violations.check(fits, f"maxPrice.{part}", "must not be less than that of minPrice")


def _of_components(components: Sequence[PriceComponent]) -> Iterator[str]:
    for position, component in enumerate(components):
        name = f"components[{position}]"
        rest = [one for one in components[position + 1 :] if one.kind is component.kind]
        if component.goes_by_power and all(one.is_restricted for one in rest):
            yield (
                f"{name} goes by power and no component of its kind without restrictions follows: where neither power "
                "nor two readings are known it costs nothing here; add one that says what it costs then"
            )
        if component.series and not any(not one.series for one in rest):
            yield f"{name} has hourly prices and nothing follows: hours without a price are free; add one for them"
        if component.is_restricted or component.reservation:
            continue
        for other, hidden in enumerate(components[position + 1 :], position + 1):
            if hidden.kind is component.kind and hidden.reservation is component.reservation:
                yield f"components[{other}] never counts: {name} comes first and always applies; put it behind"
    fees = [one for one in components if one.kind is ComponentKind.FLAT and not one.reservation]
    if len(fees) > 1 and any(fee.goes_by_energy or fee.goes_by_duration or fee.goes_by_power for fee in fees):
        yield (
            "several fees, some of which begin to apply during a session: each is charged once, when it first counts, "
            "also beside another; write the later one as the difference"
        )
    if len({one.step_size for one in components if one.kind.depends_on_idling}) > 1:
        yield (
            "different steps of time: only idling is rounded up when there is any, else charging time, by the step of "
            "the component that counted last; give all of them the same step"
        )


def _of_limits(tariff: "Tariff") -> Iterator[str]:
    rates = {tariff.tax_of(component) for component in tariff.components}
    for name, limit in (("minPrice", tariff.min_price), ("maxPrice", tariff.max_price)):
        one_is_missing = (limit.net is None) is not (limit.gross is None)
        if one_is_missing and rates != {0}:
            yield f"{name} says only one of net and gross: the other follows from the tax of what is charged; give both"


def _is_ascending(one: date | datetime | int | None, other: date | datetime | int | None) -> bool:
    return one is None or other is None or one < other  # type: ignore[operator]


def _is_day_of_year(text: str) -> bool:
    if not _DAY_OF_YEAR.fullmatch(text):
        return False
    try:
        date.fromisoformat(f"{_ANY_LEAP_YEAR}-{text}")
    except ValueError:
        return False
    return True
