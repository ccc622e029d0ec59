"""What a tariff charges for, and when: one kind, one price, and the restrictions under which it counts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

_DAY = timedelta(days=1)


class ComponentKind(StrEnum):
    """What is counted; the price is for one kWh, hour, hour, session and hour.

    TIME is all the time from start to end, CHARGING_TIME the part of it in which the vehicle does not idle (in OCPI
    `TIME`, in OCPP 2.1 `chargingTime`), IDLE the rest (`PARKING_TIME`, `idleTime`).
    """

    ENERGY = "ENERGY"
    TIME = "TIME"
    CHARGING_TIME = "CHARGING_TIME"
    FLAT = "FLAT"
    IDLE = "IDLE"

    @property
    def depends_on_idling(self) -> bool:
        """Whether it matters when the vehicle idles."""
        return self in (ComponentKind.CHARGING_TIME, ComponentKind.IDLE)


class HolidayRule(StrEnum):
    """Whether a component applies on the holidays of its tariff."""

    ALWAYS = ""
    ONLY = "ONLY"
    NEVER = "NEVER"


class ReservationRule(StrEnum):
    """What a component prices: a session, a reservation, or one that ran out without a session."""

    NONE = ""
    RESERVATION = "RESERVATION"
    EXPIRED = "EXPIRED"


class HourlyPrice(NamedTuple):
    """The price of one unit from a time on, until the next one of its series."""

    time: datetime
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceComponent:
    """One thing that is charged for, where all of its restrictions hold; what is left out restricts nothing.

    - Days, dates, seasons (`MM-DD`) and times of day are of the station's clock, ends are exclusive. A window that runs
      past midnight belongs to the day on which it begins.
    - Energy is that of the session so far, in Wh, duration the time since its start; at least the one bound, less than
      the other. Power and current are those of the moment.
    - `step_size` is in Wh or seconds: the sum is rounded up to whole steps (see pricing/shares.py).
    - `tax_basis_points` None is the tax of the tariff.
    - `series` makes the price that of its hour plus `price`, at least 0. Before its first and from its last time on,
      which only ends it, the component does not apply.
    """

    kind: ComponentKind
    price: Decimal
    start_time_of_day: str = ""
    end_time_of_day: str = ""
    days_of_week: tuple[int, ...] = ()
    grace_minutes: int = 0
    step_size: int = 0
    tax_basis_points: int | None = None
    start_date: date | None = None
    end_date: date | None = None
    start_of_season: str = ""
    end_of_season: str = ""
    holidays: HolidayRule = HolidayRule.ALWAYS
    min_energy_wh: int | None = None
    max_energy_wh: int | None = None
    min_power_w: int | None = None
    max_power_w: int | None = None
    min_current_ma: int | None = None
    max_current_ma: int | None = None
    min_duration_seconds: int | None = None
    max_duration_seconds: int | None = None
    reservation: ReservationRule = ReservationRule.NONE
    series: tuple[HourlyPrice, ...] = ()

    @property
    def goes_by_day(self) -> bool:
        """Whether it may begin or end to apply at midnight."""
        return bool(
            self.days_of_week or self.start_date or self.end_date or self.start_of_season or self.holidays
        )  # fmt: skip

    @property
    def goes_by_clock(self) -> bool:
        """Whether it depends on the time of day, the day, or the hour of a series."""
        return bool(self.start_time_of_day or self.goes_by_day or self.series)

    @property
    def goes_by_energy(self) -> bool:
        """Whether it depends on how much energy there was before."""
        return self.min_energy_wh is not None or self.max_energy_wh is not None

    @property
    def goes_by_duration(self) -> bool:
        """Whether it depends on how long the session runs."""
        return self.min_duration_seconds is not None or self.max_duration_seconds is not None

    @property
    def goes_by_power(self) -> bool:
        """Whether it depends on the power or the current of the moment."""
        bounds = (self.min_power_w, self.max_power_w, self.min_current_ma, self.max_current_ma)
        return bounds != (None, None, None, None)

    @property
    def is_restricted(self) -> bool:
        """Whether there are moments at which it does not apply."""
        return self.goes_by_clock or self.goes_by_energy or self.goes_by_duration or self.goes_by_power

    def applies(self, at: datetime, holidays: Collection[date] = ()) -> bool:
        """Whether it applies at a local time, as far as that is a matter of the clock."""
        if not self.start_time_of_day:
            return not self.goes_by_day or self._applies_on(at.date(), holidays)
        start, end = _time_of_day(self.start_time_of_day), _time_of_day(self.end_time_of_day)
        now, is_overnight = at.time(), end <= start
        if not (now >= start or now < end if is_overnight else start <= now < end):
            return False
        if not self.goes_by_day:
            return True
        return self._applies_on(at.date() - _DAY if is_overnight and now < end else at.date(), holidays)

    def _applies_on(self, day: date, holidays: Collection[date]) -> bool:
        if self.days_of_week and day.isoweekday() not in self.days_of_week:
            return False
        if (self.start_date and day < self.start_date) or (self.end_date and day >= self.end_date):
            return False
        if self.holidays and (day in holidays) is not (self.holidays is HolidayRule.ONLY):
            return False
        return not self.start_of_season or _is_between(self.start_of_season, f"{day:%m-%d}", self.end_of_season)


def _is_between(start: str, now: str, end: str) -> bool:
    """Whether something that comes round lies from `start` until before `end`, which may be the smaller one."""
    return start <= now < end if start < end else now >= start or now < end


@lru_cache(maxsize=1440)  # the minutes of a day; asked for with every stretch of every session
def _time_of_day(text: str) -> time:
    return time.fromisoformat(text)
