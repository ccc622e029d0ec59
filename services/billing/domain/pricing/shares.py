"""Divides what was used among the prices of a tariff: shares, before any amount of money.

**Of each kind the first component that applies in a period counts**; where none does, that kind costs nothing.
- Energy is shared out by the line between readings, in whole watt-hours.
- A fee is charged once, when its component first counts. The clock is looked at at the start only, energy and duration
  all along.
- Idling within the grace of the component that counts is free.
- Steps: of a kind the sum of what costs something is rounded up to whole steps of the component that counted last, at
  its price. Of charging time and idling only the latter is when there is any (OCPI 2.2.1 mod_cdrs, step_size).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from services.billing.domain.price_component import ComponentKind, PriceComponent, ReservationRule
from services.billing.domain.pricing.consumption import Consumption, Reservation
from services.billing.domain.pricing.energy_line import EnergySum, apportioned
from services.billing.domain.pricing.periods import Period, Timeline
from services.billing.domain.tariff import Tariff

_MICROSECOND = timedelta(microseconds=1)
_MICROS = 1_000_000
_MINUTE = 60 * _MICROS
_LASTING = (ComponentKind.TIME, ComponentKind.CHARGING_TIME, ComponentKind.IDLE)


class Part(NamedTuple):
    """A period and the place of the component that counted in it; of a fee the period in which it first did."""

    period: Period
    position: int


@dataclass(slots=True)
class Share:
    """How much of one kind is charged for at one price and tax: `quantity` is Wh, microseconds or 1, after the steps.

    `step` is what those added. Components of the same price and tax share one: dividing a window in two changes no
    bill.
    """

    kind: ComponentKind
    unit_price: Decimal
    tax_basis_points: int
    is_reservation: bool = False
    components: list[PriceComponent] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    quantity: int = 0
    step: int = 0


class Shares(NamedTuple):
    """The shares of what costs something, in the order of a bill.

    Whether readings were missed: the price of energy changed, and nobody knows when that came.
    """

    shares: list[Share]
    is_evenly_spread: bool
    timeline: Timeline


_Key = tuple[Decimal, int] | None


class _Kind:
    """What is counted of one kind."""

    def __init__(self, tariff: Tariff, kind: ComponentKind) -> None:
        self.kind = kind
        self._tariff = tariff
        self.components = [
            (position, component)
            for position, component in enumerate(tariff.components)
            if component.kind is kind and component.reservation is ReservationRule.NONE
        ]
        self.found: dict[_Key, Share] = {}
        # The share and the component of the last period that cost something.
        self.last: tuple[Share, PriceComponent] | None = None

    def take(self, timeline: Timeline, period: Period) -> Share | None:
        """Note a period; the share it belongs to, None where it costs nothing."""
        for position, component in self.components:
            if not timeline.counts(component, period):
                continue
            if period.idled < component.grace_minutes * _MINUTE:
                return None
            share = self.share_of(component, timeline.price_of(component, period))
            share.parts.append(Part(period, position))
            self.last = share, component
            return share
        return None

    def share_of(self, component: PriceComponent, unit_price: Decimal, *, is_reservation: bool = False) -> Share:
        """The share of a price, with the component among those that made it."""
        tax = self._tariff.tax_of(component)
        share = self.found.get((unit_price, tax))
        if share is None:
            share = self.found[unit_price, tax] = Share(self.kind, unit_price, tax, is_reservation)
        if not any(component is known for known in share.components):
            share.components.append(component)
        return share

    @property
    def quantity(self) -> int:
        """How much costs something."""
        return sum(share.quantity for share in self.found.values())

    def round_up(self, unit: int) -> None:
        """Round the sum up to whole steps of the last component; a step counts `unit`s of the quantity."""
        if self.last is None:
            return
        share, component = self.last
        step = component.step_size * unit
        share.step = -self.quantity % step if step else 0
        share.quantity += share.step


def shared(tariff: Tariff, used: Consumption) -> Shares:
    """What is to be paid for, and at what prices."""
    timeline = Timeline(tariff.components, used, tariff.holidays)
    has_session = used.reservation is None or not used.reservation.has_expired
    periods = timeline.periods() if has_session else []
    kinds = {component.kind for component in tariff.components}
    found: list[Share] = []
    idling: list[Share] = []
    spread = False
    # Most tariffs have one kind or two.
    if ComponentKind.ENERGY in kinds:
        found, spread = _energy(tariff, timeline, periods, used.energy_wh)
    if not kinds.isdisjoint(_LASTING):
        whole, charging, idle = _lasting(tariff, timeline, periods)
        found += [*whole.found.values(), *charging.found.values()]
        idling = [share for share in idle.found.values() if share.quantity]
    if ComponentKind.FLAT in kinds:
        found += _fees(tariff, timeline, periods)
    found += idling
    if used.reservation is not None:
        found += _of_reservation(tariff, used, used.reservation)
    return Shares(found, spread, timeline)


def _energy(tariff: Tariff, timeline: Timeline, periods: Sequence[Period], energy_wh: int) -> tuple[list[Share], bool]:
    """The shares of the energy; whether it was spread evenly for want of readings."""
    energy = _Kind(tariff, ComponentKind.ENERGY)
    if not energy.components or not periods:
        return [], False
    sums: dict[int, tuple[Share | None, EnergySum]] = {}
    by_amount: dict[tuple[bool, ...], int] = {}
    bounded = [component for _, component in energy.components if component.goes_by_energy]
    last, is_timed = energy.last, False
    for period in periods:
        if period.is_after:
            break
        share = energy.take(timeline, period)
        if period.begin_energy == period.end_energy:
            energy.last = last
        last = energy.last
        sums.setdefault(id(share), (share, EnergySum()))[1].add(period.begin_energy, period.end_energy)
        # At the same amount another price: then it matters when the energy came.
        amount = tuple(timeline.is_of_amount(component, period) for component in bounded)
        is_timed = is_timed or by_amount.setdefault(amount, id(share)) != id(share)
    weighed = list(sums.values())
    parts = apportioned(energy_wh, [weight.exact for _, weight in weighed]) if len(weighed) > 1 else [energy_wh]
    for (share, _), part in zip(weighed, parts, strict=True):
        if share is not None:
            share.quantity = part
    energy.last = last or energy.last
    energy.round_up(1)
    is_spread = is_timed and timeline.curve is None and energy_wh > 0
    return list(energy.found.values()), is_spread


def _lasting(tariff: Tariff, timeline: Timeline, periods: Sequence[Period]) -> tuple[_Kind, _Kind, _Kind]:
    """All the time from start to end, the part of it in which the vehicle charged, and idling."""
    whole, charging, idling = (_Kind(tariff, kind) for kind in _LASTING)
    for kind in (whole, charging, idling):
        for period in periods if kind.components else ():
            if not period.is_after if kind is whole else period.is_idle is (kind is idling):
                share = kind.take(timeline, period)
                if share is not None:
                    share.quantity += period.length
    whole.round_up(_MICROS)
    (idling if idling.quantity else charging).round_up(_MICROS)
    return whole, charging, idling


def _fees(tariff: Tariff, timeline: Timeline, periods: Sequence[Period]) -> list[Share]:
    flat, charged = _Kind(tariff, ComponentKind.FLAT), set[int]()
    # The clock is that of the start: only those that apply then are looked at.
    fees = [(position, fee) for position, fee in flat.components if timeline.counts_from_start(fee)]
    moments = [(period, False) for period in periods] + [(period, True) for period in periods[-1:]]
    for period, at_end in moments if fees else ():
        counting = next((fee for fee in fees if timeline.is_reached(fee[1], period, at_end=at_end)), None)
        if counting is None or counting[0] in charged:
            continue
        position, component = counting
        charged.add(position)
        share = flat.share_of(component, component.price)
        share.quantity += 1
        share.parts.append(Part(period, position))
    return list(flat.found.values())


def _of_reservation(tariff: Tariff, used: Consumption, reservation: Reservation) -> list[Share]:
    """A fee and the time of a reservation; of one that ran out first by the prices for that."""
    length = max(reservation.end - reservation.start, timedelta()) // _MICROSECOND
    timeline = Timeline(
        tariff.components,
        Consumption(energy_wh=0, start=reservation.start, end=reservation.end, time_zone=used.time_zone),
        tariff.holidays,
    )
    periods = timeline.periods()
    found: list[Share] = []
    for kind in (ComponentKind.FLAT, ComponentKind.TIME):
        prices = _Kind(tariff, kind)
        prices.components = _reserving(tariff, kind, has_expired=reservation.has_expired)
        for period in periods[:1] if kind is ComponentKind.FLAT else periods:
            share = prices.take(timeline, period)
            if share is not None:
                share.is_reservation = True
                share.quantity += 1 if kind is ComponentKind.FLAT else period.length
        if kind is ComponentKind.TIME and length:
            prices.round_up(_MICROS)
        found += prices.found.values()
    return found


def _reserving(tariff: Tariff, kind: ComponentKind, *, has_expired: bool) -> list[tuple[int, PriceComponent]]:
    rules = (ReservationRule.EXPIRED, ReservationRule.RESERVATION) if has_expired else (ReservationRule.RESERVATION,)
    for rule in rules:
        found = [
            (position, component)
            for position, component in enumerate(tariff.components)
            if component.kind is kind and component.reservation is rule
        ]
        if found:
            return found
    return []
