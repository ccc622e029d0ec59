"""Tariffs: what charging costs, in versions that never change."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from services.kernel.errors import conflict
from services.kernel.ids import is_id
from services.kernel.money import minor_digits
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations

_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MOST_COMPONENTS = 50
_WHOLE = 10_000


class ComponentKind(StrEnum):
    """What is counted; the price is for one kWh, hour, session and hour."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    FLAT = "FLAT"
    IDLE = "IDLE"


class MembershipTier(StrEnum):
    """How much a driver is valued, as the driver service tells it."""

    BASIC = "BASIC"
    SILVER = "SILVER"
    GOLD = "GOLD"
    PLATINUM = "PLATINUM"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceComponent:
    """One thing that is charged for, at the times of day and days of the week it applies; no times mean always.

    A window that runs past midnight belongs to the day on which it begins.
    """

    kind: ComponentKind
    price: Decimal
    start_time_of_day: str = ""
    end_time_of_day: str = ""
    days_of_week: tuple[int, ...] = ()
    grace_minutes: int = 0

    def applies(self, at: datetime) -> bool:
        """Whether it applies at a local time."""
        day = at.isoweekday()
        if self.start_time_of_day:
            start, end = _time_of_day(self.start_time_of_day), _time_of_day(self.end_time_of_day)
            now, is_overnight = at.time(), end <= start
            if not (now >= start or now < end if is_overnight else start <= now < end):
                return False
            if is_overnight and now < end:
                day = (day - 2) % 7 + 1
        return not self.days_of_week or day in self.days_of_week


@lru_cache(maxsize=1440)  # the minutes of a day; asked for with every stretch of every session
def _time_of_day(text: str) -> time:
    return time.fromisoformat(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One version of a tariff. Prices are in major units of the currency, as exact as they were given."""

    id: str
    name: str
    description: str = ""
    currency_code: str
    components: Sequence[PriceComponent]
    tax_basis_points: int = 0
    tier_discounts: Mapping[MembershipTier, int]
    station_ids: Sequence[str] = ()
    is_default: bool = False
    retired: bool = False
    version: int = 1
    create_time: datetime
    update_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A version of a tariff and when the next one took its place; None as long as it is the newest."""

    tariff: Tariff
    until_time: datetime | None

    def applies(self, tenant_id: str, station_id: str | None, at: datetime | None) -> bool:
        """Whether it applied to sessions of a tenant at a station at a moment in the past, or, without one, applies
        now."""
        is_valid = self.until_time is None
        if at is not None:
            is_valid = self.tariff.update_time <= at and (self.until_time is None or self.until_time > at)
        is_there = self.tariff.is_default or station_id in self.tariff.station_ids
        return is_valid and is_there and not self.tariff.retired and self.tariff.tenant_id == tenant_id


def applying(
    versions: Sequence[TariffVersion], tenant_id: str, station_id: str | None, at: datetime | None = None
) -> Tariff | None:
    """Of the tariffs of a tenant the station's own before the default, and of several the one that was changed last;
    else None."""
    found = [version.tariff for version in versions if version.applies(tenant_id, station_id, at)]
    return max(found, key=lambda tariff: (station_id in tariff.station_ids, tariff.update_time), default=None)


def validated(tariff: Tariff) -> Tariff:
    """`tariff` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("tariff")
    violations.text("name", tariff.name.strip(), longest=200, shortest=1)
    violations.text("description", tariff.description, longest=1000)
    violations.parsed("currencyCode", lambda: minor_digits(tariff.currency_code))
    violations.number("taxBasisPoints", tariff.tax_basis_points, 0, _WHOLE)
    count = len(tariff.components)
    violations.check(1 <= count <= _MOST_COMPONENTS, "components", f"must be 1 to {_MOST_COMPONENTS}")
    for position, component in enumerate(tariff.components[:_MOST_COMPONENTS]):
        _check_component(violations, f"components[{position}]", component)
    for position, discount in enumerate(tariff.tier_discounts.values()):
        violations.number(f"tierDiscounts[{position}].discountBasisPoints", discount, 0, _WHOLE)
    for position, station_id in enumerate(tariff.station_ids):
        violations.check(is_id(station_id), f"stationIds[{position}]", "is not the id of a station")
    violations.check(not (tariff.is_default and tariff.retired), "isDefault", "a retired tariff cannot be the default")
    violations.raise_if_any()
    return tariff


def next_version(tariff: Tariff, changes: Mapping[str, Any], etag: str, now: datetime) -> Tariff:
    """The version of `tariff` after `changes`. Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(tariff.version):
        raise conflict("ETAG_MISMATCH", f"tariff {tariff.id} has changed since etag {etag} was read")
    return validated(replace(tariff, **changes, update_time=now, version=tariff.version + 1))


def no_longer_default(tariff: Tariff, now: datetime) -> Tariff:
    """The version of `tariff` after another one has become the default."""
    return replace(tariff, is_default=False, update_time=now, version=tariff.version + 1)


def _check_component(violations: Violations, place: str, component: PriceComponent) -> None:
    violations.check(0 <= component.price <= 1_000_000, f"{place}.price", "must be 0 to 1000000")
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
