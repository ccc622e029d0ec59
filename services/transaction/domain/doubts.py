"""Doubts about the energy of a transaction, each with the figures that tell a person why.

Pure. Which of them keep a bill from being made is for billing to say; what the flags mean is in the contract
(csms.transaction.v1.Transaction.flags).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from services.kernel.quirks import transactions
from services.transaction.domain.metering import Account, Finding
from services.transaction.domain.registers import CROSSING_WH, Bounds, Kind, Point, Registers
from services.transaction.domain.strays import Stray, strays_of

# With these it is open how much it was.
NO_REGISTER = "no_register"
IMPLAUSIBLE_ENERGY = "implausible_energy"
REGISTER_WENT_BACK = "register_went_back"
# With these it is not; but an offset never comes without one of them.
REGISTER_OFFSET = "register_offset"
TRANSACTION_REGISTER = transactions.TRANSACTION_REGISTER.flag
MISLABELLED_UNIT = transactions.MISLABELLED_UNIT.flag
OUTLIER_READING = transactions.OUTLIER_READING.flag
NEGATIVE_REGISTER = "negative_register"
READING_AFTER_END = "reading_after_end"
ENERGY_FLAGS = (
    NO_REGISTER,
    IMPLAUSIBLE_ENERGY,
    REGISTER_WENT_BACK,
    REGISTER_OFFSET,
    TRANSACTION_REGISTER,
    MISLABELLED_UNIT,
    OUTLIER_READING,
    NEGATIVE_REGISTER,
    READING_AFTER_END,
)

# From one reading to the next a register may rise by so much more than the connector gives: some charge points stamp
# what they kept back when they send it.
JUMP_WH = 5_000
# No meter of a charge point has counted more.
_LONG_LIFE_WH = 1_000_000_000
_MOST_NAMED = 3


class Doubt(NamedTuple):
    """A flag, and a sentence for people with the figures."""

    flag: str
    sentence: str


def doubts_about(finding: Finding, registers: Registers) -> list[Doubt]:
    """All of them, the gravest first."""
    found = [
        *_about_negatives(finding.account),
        *_about_start(finding),
        *_about_stop(finding),
        *_about_growth(finding),
        *_about_strays(finding),
        *_about_kinds(finding),
        *_about_late_readings(finding.account),
    ]
    is_poor = finding.account.start_wh is None or finding.account.stop is None
    if is_poor and finding.energy_wh is None and finding.account.reported.stop_time is not None:
        found.append(_no_register(finding.account, registers))
    return sorted(found, key=lambda doubt: ENERGY_FLAGS.index(doubt.flag))


def _about_negatives(account: Account) -> Iterator[Doubt]:
    for name, wh in (("start", account.reported.start_wh), ("stop", account.reported.stop_wh)):
        if wh is not None and wh < 0:
            yield Doubt(NEGATIVE_REGISTER, f"the register at the {name} is below zero: {wh} Wh")


def _about_start(finding: Finding) -> Iterator[Doubt]:
    """When the register at the start, or the one first read, does not lead to the others."""
    account, before_wh = finding.account, finding.left_out
    if before_wh is None:
        return
    first, reported_wh = finding.chain.all[0], account.reported_wh
    if reported_wh is not None and reported_wh > account.most_wh:
        yield _too_much(reported_wh, account.bounds, account.end_time)
    elif first.wh < before_wh:
        yield Doubt(REGISTER_WENT_BACK, f"the register at the start is {before_wh} Wh, before {_shown(first)}")
    else:
        yield _too_much(first.wh - before_wh, account.bounds, first.time)
    counted = f"counted from there it is {finding.energy_wh} Wh"
    yield Doubt(REGISTER_OFFSET, f"{before_wh} Wh at the start do not lead to {_shown(first)}; {counted}")


def _about_stop(finding: Finding) -> Iterator[Doubt]:
    """When the register at the stop is none of those that can be true together."""
    account, points = finding.account, finding.chain.points
    if account.stop is None or finding.chain.stop is not None or (account.start_wh is None and not points):
        return
    wh, start_wh = account.stop.wh, account.start_wh
    wording = f"{_name_of_stop(account)} is {wh} Wh"
    if points and points[-1].wh > wh:
        yield Doubt(REGISTER_WENT_BACK, f"{wording}, after {_shown(points[-1])}")
    elif start_wh is not None and wh < start_wh:
        yield Doubt(REGISTER_WENT_BACK, f"{wording}, after {start_wh} Wh at the start")
    elif start_wh is not None and wh - start_wh > account.most_wh:
        yield _too_much(wh - start_wh, account.bounds, account.end_time)
    else:
        yield Doubt(REGISTER_WENT_BACK, f"{wording}, and no reading leads there")


def _about_growth(finding: Finding) -> Iterator[Doubt]:
    """When the registers rise faster than the connector can give."""
    points, bounds = finding.chain.all, finding.account.bounds
    if points and (energy_wh := finding.energy_wh or 0) > bounds.until(points[-1].time):
        yield _too_much(energy_wh, bounds, points[-1].time)
        return
    for one, other in pairwise(points):
        more_wh, seconds = other.energy_wh - one.energy_wh, other.time - one.time
        if more_wh > bounds.within(seconds) + JUMP_WH:
            rise = f"the register rises from {_shown(one)} to {_shown(other)}, by {_power(more_wh, seconds)}"
            yield Doubt(IMPLAUSIBLE_ENERGY, f"{rise}; {_limit(bounds)}")
            return


def _about_strays(finding: Finding) -> Iterator[Doubt]:
    """Where several agree or nothing comes after them, it is open which readings are true. One alone is not."""
    account, points, stop = finding.account, finding.chain.all, finding.chain.stop
    final_wh = points[-1].energy_wh if points else 0
    is_reported = account.reported_wh is not None and stop is not None and stop.kind is Kind.LIFE
    outliers: list[Stray] = []
    for strays, is_last in strays_of(finding):
        above = [one for one in strays if one.energy_wh is not None and one.energy_wh > final_wh + CROSSING_WH]
        if len(above) > 1 or (above and is_last):
            yield Doubt(REGISTER_WENT_BACK, f"{_name_of_stop(account)} is below {_listed(above)}")
        elif not above and not is_reported and strays[-1].wh > strays[0].wh:
            yield Doubt(REGISTER_WENT_BACK, f"the register seems to have started anew: {_listed(strays)}")
        else:
            outliers += strays
    if outliers:
        total = sum(len(moment.registers_wh) for moment in account.moments)
        yield Doubt(OUTLIER_READING, f"{len(outliers)} of {total} readings do not fit: {_listed(outliers)}")


def _about_kinds(finding: Finding) -> Iterator[Doubt]:
    points = finding.chain.all
    if rolled := [point for point in points if point.kind is Kind.ROLLED]:
        counted = f"counted on it is {finding.energy_wh} Wh"
        yield Doubt(REGISTER_WENT_BACK, f"the register seems to have started anew: {_listed(rolled)}; {counted}")
    if of_transaction := [point for point in points if point.kind is Kind.TRANSACTION]:
        several = f"{len(of_transaction)} of {len(points)} registers"
        yield Doubt(
            TRANSACTION_REGISTER, f"{several} count from the start of the transaction: {_listed(of_transaction)}"
        )
    if finding.otherwise_wh is not None:
        goes_on = f"{_name_of_stop(finding.account)} goes on with {finding.account.start_wh} Wh at the start"
        figures = f"then it is {finding.otherwise_wh} Wh, not {finding.energy_wh} Wh"
        yield Doubt(IMPLAUSIBLE_ENERGY, f"perhaps {goes_on}: {figures}")
    if rescaled := [point for point in points if point.is_rescaled]:
        several = f"{len(rescaled)} of {len(points)} registers"
        yield Doubt(MISLABELLED_UNIT, f"{several} are told in the wrong one of kWh and Wh: {_listed(rescaled)}")
        yield from _about_units(finding, rescaled)


def _about_units(finding: Finding, rescaled: Sequence[Point]) -> Iterator[Doubt]:
    """When the others may as well be those that were told in the wrong unit."""
    energy_wh, start_wh = finding.energy_wh or 0, finding.account.start_wh or 0
    too_low = [one for one in rescaled if one.kind == Kind.LIFE_THOUSANDTH and one.wh < _LONG_LIFE_WH]
    if start_wh and too_low and energy_wh * 1000 <= finding.account.most_wh:
        others = f"{start_wh} Wh at the start are told in kWh instead"
        yield Doubt(IMPLAUSIBLE_ENERGY, f"perhaps {others}: then it is {energy_wh * 1000} Wh, not {energy_wh} Wh")


def _about_late_readings(account: Account) -> Iterator[Doubt]:
    if account.stop is None:
        return
    late = [
        Stray(moment.time, wh, None)
        for moment in account.late
        for wh in moment.registers_wh
        if wh > account.stop.wh + CROSSING_WH
    ]
    if late:
        yield Doubt(READING_AFTER_END, f"{_listed(late)}, after the end; {account.stop.wh} Wh at the stop")


def _no_register(account: Account, registers: Registers) -> Doubt:
    if account.stop is None and account.start_wh is None:
        wording = "no energy register was told"
    elif account.start_wh is None:
        wording = "one energy register only was told, none at the start"
    else:
        wording = f"no energy register was told after {account.start_wh} Wh at the start"
    samples = list(zip(registers.power_times, registers.powers_w, strict=True))
    if len(samples) < 2:
        return Doubt(NO_REGISTER, wording)
    # Watts times seconds, twice.
    area = sum((time - before) * (power + power_before) for (before, power_before), (time, power) in pairwise(samples))
    return Doubt(NO_REGISTER, f"{wording}; by {len(samples)} readings of power it was about {max(area, 0) // 7200} Wh")


def _too_much(energy_wh: int, bounds: Bounds, time: int) -> Doubt:
    seconds = time - (bounds.start_time or time)
    sentence = f"{energy_wh} Wh in {_duration(seconds)} is {_power(energy_wh, seconds)}; {_limit(bounds)}"
    return Doubt(IMPLAUSIBLE_ENERGY, sentence)


def _limit(bounds: Bounds) -> str:
    if bounds.max_power_w is None:
        return f"no connector of unknown power is taken to give more than {_kilowatts(bounds.power_w)}"
    return f"the connector gives at most {_kilowatts(bounds.max_power_w)}"


def _power(energy_wh: int, seconds: int) -> str:
    return _kilowatts(energy_wh * 3600 // max(seconds, 1))


def _kilowatts(power_w: int) -> str:
    if power_w < 1_000:
        return f"{power_w} W"
    return f"{power_w / 1000:.0f} kW" if power_w >= 10_000 else f"{power_w / 1000:.1f} kW"


def _duration(seconds: int) -> str:
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{round(seconds / 3600, 1):g} h"


def _name_of_stop(account: Account) -> str:
    return "the register at the stop" if account.stop is not None and account.stop.is_reported else "the last register"


def _listed(points: Sequence[Point | Stray]) -> str:
    named = [_shown(one) for one in points[:_MOST_NAMED]]
    return ", ".join(named) + (f" and {len(points) - len(named)} more" if len(points) > len(named) else "")


def _shown(one: Point | Stray) -> str:
    return f"{one.wh} Wh at {datetime.fromtimestamp(one.time, UTC):%Y-%m-%dT%H:%M:%SZ}"
