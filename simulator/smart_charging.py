"""Charging profiles as a station obeys them: which limit holds when, by purpose and stack level. Pure, of any version.

OCPP 1.6, 3.13 and OCPP 2.0.1 part 2, K: of each purpose the profile of the highest stack level that says something of a
moment leads; a TxProfile takes the place of the TxDefaultProfile, and no connector gets more than the station may have.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.charge_point import ChargePoint

# The station as a whole, and every connector of it.
EVERYWHERE = 0
_RECURS = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


class Purpose(StrEnum):
    """What a profile is for. The third is ChargePointMaxProfile in 1.6, the last is known by 2.x only."""

    TX = "TxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    STATION_MAX = "ChargingStationMaxProfile"
    EXTERNAL = "ChargingStationExternalConstraints"


@dataclass(frozen=True)
class Period:
    """From so many seconds after the start of its schedule: at most so much, in the schedule's unit."""

    start_seconds: int
    limit: float
    phases: int | None = None


@dataclass(frozen=True)
class Profile:
    """One charging profile. `kind` is Absolute, Recurring or Relative; `transaction_id` is what the station calls the
    transaction that a TxProfile is for. `in_watts` says the unit of its limits, else amperes a phase."""

    id: int
    stack_level: int
    purpose: Purpose
    kind: str
    in_watts: bool
    periods: Sequence[Period]
    start: datetime | None = None
    duration_seconds: int | None = None
    recurrency: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction_id: str | None = None

    def began(self, moment: datetime, transaction_start: datetime | None) -> datetime | None:
        """When the run of its schedule began that holds at a moment; None when none does."""
        if self.kind == "Relative":
            return transaction_start
        begin = self.start or self.valid_from or transaction_start
        if begin is None or begin > moment:
            return None
        if self.kind == "Recurring":
            every = _RECURS.get(self.recurrency or "Daily", _RECURS["Daily"])
            begin += every * ((moment - begin) // every)
        return begin

    def period_at(self, moment: datetime, transaction_start: datetime | None) -> Period | None:
        """What it says about a moment, if anything."""
        if (self.valid_from and moment < self.valid_from) or (self.valid_to and moment >= self.valid_to):
            return None
        begin = self.began(moment, transaction_start)
        if begin is None:
            return None
        seconds = (moment - begin).total_seconds()
        if seconds < 0 or (self.duration_seconds is not None and seconds >= self.duration_seconds):
            return None
        return next((one for one in reversed(self.periods) if one.start_seconds <= seconds), None)

    def changes(self, moment: datetime, transaction_start: datetime | None) -> Iterator[datetime]:
        """When it may say something else than it does at a moment."""
        yield from (edge for edge in (self.valid_from, self.valid_to, self.start) if edge is not None)
        begin = self.began(moment, transaction_start)
        if begin is None:
            return
        yield from (begin + timedelta(seconds=one.start_seconds) for one in self.periods)
        if self.duration_seconds is not None:
            yield begin + timedelta(seconds=self.duration_seconds)
        if self.kind == "Recurring":
            yield begin + _RECURS.get(self.recurrency or "Daily", _RECURS["Daily"])


@dataclass(frozen=True)
class Circuit:
    """What amperes come to: the voltage between a phase and neutral, and how many phases there are."""

    voltage_v: int
    phases: int

    def watts(self, profile: Profile, period: Period) -> int:
        """A limit as power."""
        if profile.in_watts:
            return int(period.limit)
        return int(period.limit * self.voltage_v * (period.phases or self.phases))


class ChargingProfiles:
    """Those of one station, by where they hold. Changes wake whoever waits for them."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._held: list[tuple[int, Profile]] = []
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[tuple[int, Profile]]:
        return iter(self._held)

    def rival(self, evse_id: int, profile: Profile) -> Profile | None:
        """Another profile of the same purpose and level at the same place."""
        rivals = (held for place, held in self._held if place == evse_id and _compete(held, profile))
        return next((held for held in rivals if held.id != profile.id), None)

    def install(self, evse_id: int, profile: Profile) -> None:
        """Put a profile in the place of that of its id, and of that of its purpose and level there."""
        self._held = [
            (place, held)
            for place, held in self._held
            if held.id != profile.id and not (place == evse_id and _compete(held, profile))
        ]
        self._held.append((evse_id, profile))
        self._wake()

    def clear(self, is_meant: Callable[[int, Profile], bool]) -> bool:
        """Forget those that are meant, by place and profile. False when there was none."""
        kept = [(place, held) for place, held in self._held if not is_meant(place, held)]
        is_changed = len(kept) < len(self._held)
        self._held = kept
        if is_changed:
            self._wake()
        return is_changed

    def end_transaction(self, transaction_id: str) -> None:
        """Forget what was for a transaction."""
        self.clear(lambda _, profile: profile.transaction_id == transaction_id)

    async def changed(self) -> None:
        """Return at the next change."""
        await self._changed.wait()

    def limit_w(
        self,
        evse_id: int,
        moment: datetime,
        *,
        transaction_id: str | None = None,
        transaction_start: datetime | None = None,
        sharers: int = 1,
    ) -> int | None:
        """How much a connector may take at a moment, None for as much as it can. What the station may have as a whole
        is shared evenly by the `sharers` that charge."""
        of_transaction = [
            self._leading((Purpose.TX,), evse_id, moment, transaction_id, transaction_start),
            self._leading((Purpose.TX_DEFAULT,), evse_id, moment, transaction_id, transaction_start),
        ]
        limits = [next((limit for limit in of_transaction if limit is not None), None)]
        for purpose in (Purpose.STATION_MAX, Purpose.EXTERNAL):
            whole = self._leading((purpose,), EVERYWHERE, moment, None, None)
            limits.append(None if whole is None else whole // max(1, sharers))
        return min((limit for limit in limits if limit is not None), default=None)

    def next_change(self, moment: datetime, transaction_start: datetime | None = None) -> datetime | None:
        """The next moment at which another limit may hold."""
        edges = (edge for _, profile in self._held for edge in profile.changes(moment, transaction_start))
        return min((edge for edge in edges if edge > moment), default=None)

    def _leading(
        self,
        purposes: Sequence[Purpose],
        evse_id: int,
        moment: datetime,
        transaction_id: str | None,
        transaction_start: datetime | None,
    ) -> int | None:
        """What the highest level says; at one level a connector's own profile goes before that of all."""
        said = []
        for place, profile in self._held:
            if profile.purpose not in purposes or place not in (evse_id, EVERYWHERE):
                continue
            if profile.purpose is Purpose.TX and profile.transaction_id != transaction_id:
                continue
            period = profile.period_at(moment, transaction_start)
            if period is not None:
                said.append((profile.stack_level, place != EVERYWHERE, self._circuit.watts(profile, period)))
        return max(said)[2] if said else None

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(frozen=True)
class Stretch:
    """A part of a composite schedule: from so many seconds after its start, so much power, None for no limit."""

    start_seconds: int
    limit_w: int | None


def composite(station: "ChargePoint", evse_id: int, start: datetime, duration_seconds: int) -> list[Stretch]:
    """What holds at a connector, or the station as a whole, from `start` on, stretch by stretch. It ends after
    `duration_seconds`, or after as many stretches as anybody could want."""
    connector = station.connectors.get(evse_id)
    transaction = None if connector is None else connector.transaction
    began = None if transaction is None else transaction.start_time

    def limit_at(moment: datetime) -> int | None:
        if connector is not None:
            return station.limit_at(connector, moment)
        return station.charging_profiles.limit_w(EVERYWHERE, moment)

    stretches = [Stretch(0, limit_at(start))]
    moment = start
    end = start + timedelta(seconds=min(duration_seconds, _LONGEST_SECONDS))
    for _ in range(_MOST_STRETCHES):
        change = station.charging_profiles.next_change(moment, began)
        if change is None or change >= end:
            break
        moment = change
        limit = limit_at(moment)
        if limit != stretches[-1].limit_w:
            stretches.append(Stretch(int((moment - start).total_seconds()), limit))
    return stretches


def bound(profile: Profile, transaction_id: str) -> Profile:
    """A profile that came with a remote start, for the transaction that this has become."""
    return replace(profile, transaction_id=transaction_id)


# Some central systems ask for as many seconds as a number can hold.
_LONGEST_SECONDS = 7 * 24 * 3600
_MOST_STRETCHES = 500


def _compete(one: Profile, other: Profile) -> bool:
    return (
        one.purpose is other.purpose
        and one.stack_level == other.stack_level
        and one.transaction_id == other.transaction_id
    )
