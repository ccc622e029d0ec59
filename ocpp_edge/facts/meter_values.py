"""Sampled values of any OCPP version to meter values: units brought to ours, phases folded, nothing thrown away.

Pure. Each version reads its own payload into samples; what has no field of its own is kept as the charge point sent it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import orjson

from ocpp_edge.facts.device_clock import Moment
from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.frames import Payload
from services.kernel.quirks import Quirk, readings
from services.kernel.units import current_ma, energy_wh, power_w, voltage_mv, whole_of
from services.rpc.protobuf import time_fields

UNKNOWN_UNIT = readings.UNKNOWN_UNIT.flag
UNREADABLE_VALUE = readings.UNREADABLE_VALUE.flag
UNIT_RESPELLED = readings.UNIT_SPELLING.flag
IMPLAUSIBLE_VALUE = readings.IMPLAUSIBLE_VALUE.flag

ENERGY_REGISTER = "Energy.Active.Import.Register"
USUAL_CONTEXT = "Sample.Periodic"
# 64 bits hold any reading in milliamperes below this power of ten.
_LARGEST_EXPONENT = 15
# Nobody measures less in any unit.
_SMALLEST_EXPONENT = -9
_LONGEST_NUMBER = 40

# As charge points spell them, in small letters (the quirk UNIT_SPELLING); those of OCPP need no entry when they are
# spelled right.
_SPELLINGS = {
    "wh": "Wh",
    "watthour": "Wh",
    "watthours": "Wh",
    "kwh": "kWh",
    "w": "W",
    "watt": "W",
    "watts": "W",
    "kw": "kW",
    "a": "A",
    "amp": "A",
    "amps": "A",
    "ampere": "A",
    "v": "V",
    "volt": "V",
    "volts": "V",
}
_UNITS = frozenset(_SPELLINGS.values())
_WITH_UNIT = re.compile(r"\s*([-+]?[\d.,]+)\s*([a-z]+)\s*", re.IGNORECASE | re.ASCII)


class Sample(NamedTuple):
    """One sampled value. `value` is None when it is no number; `unit` is empty when it is not told.

    `signed` marks one that has to be kept whole whatever is read from it; `raw` is what the charge point sent.
    """

    value: Decimal | None
    measurand: str
    phase: str
    context: str
    location: str
    unit: str
    multiplier: int
    signed: bool
    raw: Mapping[str, Any]


_Convert = Callable[[Decimal, str, int], int]
# Which of the values of one measurand, by phase, makes the field; and the samples that it says all about.
_Fold = Callable[[Mapping[str, int]], tuple[int | None, str | None]]


def decimal_of(value: object, forgives: Forgiving | None = None) -> Decimal | None:
    """A number as charge points write it, exactly; None for what is none, or only one by a quirk not forgiven."""
    # The shortest text that gives the float is what was sent.
    text = value if isinstance(value, str) else str(value)
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        try:
            number = Decimal(text.replace(",", ".", 1))
        except InvalidOperation:
            return None
        if forgives is not None and not forgives(readings.DECIMAL_COMMA):
            return None
    return number if number.is_finite() else None


def with_unit(text: object) -> tuple[Decimal, str] | None:
    """A number with its unit behind it, for example `"2.5 kWh"`; None for what is none."""
    match = _WITH_UNIT.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST_NUMBER else None
    unit = _SPELLINGS.get(match[2].lower()) if match else None
    number = decimal_of(match[1]) if match and unit else None
    return None if number is None or unit is None else (number, unit)


# The fields of a meter value as the contract names them, sampled_time as a dict itself.
Reading = dict[str, Any]
# Measurand, unit (None when not told), value and context of a sample that has nothing else to it.
PlainSample = tuple[str, str | None, str, str]
# How a version writes a sampled value: read as a plain one (None when it is none), and as any.
ReadPlain = Callable[[Payload], PlainSample | None]
ReadSample = Callable[[Payload, Forgiving], Sample]


class _Doubts:
    """What is in doubt about the readings of a message, for flags; and what is forgiven in it."""

    def __init__(self, forgives: Forgiving) -> None:
        self.flags: set[str] = set()
        self.forgives = forgives

    def add(self, quirk: Quirk) -> bool:
        """Whether a quirk is forgiven, and so noted."""
        is_forgiven = self.forgives(quirk)
        if is_forgiven:
            self.flags.add(quirk.flag)
        return is_forgiven


def readings_of(
    entries: Iterable[Payload], moment: Moment, plain: ReadPlain, sample: ReadSample, forgives: Forgiving
) -> tuple[list[Reading], set[str]]:
    """The readings in the entries of a payload, in order, and the doubts about them."""
    found: list[Reading] = []
    flags: set[str] = set()
    for entry in entries:
        time = moment.time_of_sample(entry.get("timestamp", ""), forgives)
        samples: list[Payload] = entry["sampledValue"]
        reading = read_plain(samples, time, plain)
        if reading is not None:
            found.append(reading)
        else:
            found += read_any([sample(sampled, forgives) for sampled in samples], time, flags, forgives)
    return found, flags


def read_plain(samples: Iterable[Payload], time: datetime, plain: ReadPlain) -> Reading | None:
    """The reading that samples make when none needs judgement, as nearly always; None when one does.

    The usual units and spellings, one value for a measurand, one context, nothing to round. `read_any` makes the same
    of these, at several times the cost.
    """
    reading: Reading = {}
    context = ""
    for sampled in samples:
        sample = plain(sampled)
        if sample is None:
            return None
        measurand, unit, value, own_context = sample
        name, exponent = _PLAIN.get((measurand, unit), _NOT_PLAIN)
        number = whole_of(value, exponent) if name and type(value) is str else None
        if (
            number is None
            or name in reading
            or (context and own_context != context)
            or (number > 100 and name == _PERCENT)
        ):
            return None
        reading[name] = number
        context = own_context
    if not reading:
        return None
    reading["context"] = context
    reading["sampled_time"] = time_fields(time)
    return reading


def read_any(samples: Sequence[Sample], time: datetime, flags: set[str], forgives: Forgiving) -> list[Reading]:
    """The readings of one moment, one for each context; the doubts about them go to `flags`."""
    found: list[Reading] = []
    doubts = _Doubts(forgives)
    by_context: dict[str, list[Sample]] = {}
    for sample in samples:
        by_context.setdefault(sample.context or USUAL_CONTEXT, []).append(sample)
    for context, group in by_context.items():
        fields, rest = _fields(group, doubts)
        other = orjson.dumps([sample.raw for sample in rest]).decode() if rest else ""
        found.append({**fields, "context": context, "other_json": other, "sampled_time": time_fields(time)})
    flags |= doubts.flags
    return found


def _fields(samples: Iterable[Sample], doubts: _Doubts) -> tuple[dict[str, Any], list[Sample]]:
    """The fields that samples of one context make, and the samples that these do not say all about."""
    rest: list[Sample] = []
    by_measurand: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.measurand in MEASURANDS and not (sample.signed and sample.value is None):
            by_measurand.setdefault(sample.measurand, []).append(sample)
        else:
            rest.append(sample)
    fields: dict[str, Any] = {}
    for measurand, group in by_measurand.items():
        name, unit, convert, fold = MEASURANDS[measurand]
        if len(group) == 1:
            value = _alone(group[0], unit, convert, doubts, rest)
        else:
            value = _folded(_at_best_location(group, rest), unit, convert, fold, doubts, rest)
        if value is not None:
            fields[name] = value
    return fields, rest


def _alone(sample: Sample, unit: str, convert: _Convert, doubts: _Doubts, rest: list[Sample]) -> int | None:
    """The value of the only sample of its measurand: by far the most common case."""
    value = None
    if not sample.phase or sample.phase in _PHASES:
        value = _converted(sample, unit, convert, doubts)
    if value is None or sample.signed:
        rest.append(sample)
    return value


def _folded(
    group: list[Sample], unit: str, convert: _Convert, fold: _Fold, doubts: _Doubts, rest: list[Sample]
) -> int | None:
    by_phase: dict[str, int] = {}
    for sample in group:
        value = _converted(sample, unit, convert, doubts)
        # Of two registers in one sample the greater one is that of the meter's life, the other of the session.
        if value is not None and value >= by_phase.get(sample.phase, value):
            by_phase[sample.phase] = value
    if 0 < len(by_phase) < len(group):
        doubts.forgives(readings.REGISTERS_TOGETHER)
    folded, folded_phase = fold(by_phase)
    rest += [sample for sample in group if sample.signed or sample.phase != folded_phase or len(group) > len(by_phase)]
    return folded


def _at_best_location(group: list[Sample], rest: list[Sample]) -> list[Sample]:
    """The samples taken where most charge points measure; the others go to `rest`."""
    locations = {sample.location or "Outlet" for sample in group}
    best = next((location for location in _LOCATIONS if location in locations), "Outlet")
    rest += [sample for sample in group if (sample.location or "Outlet") != best]
    return [sample for sample in group if (sample.location or "Outlet") == best]


def _converted(sample: Sample, usual_unit: str, convert: _Convert, doubts: _Doubts) -> int | None:
    value, unit = sample.value, sample.unit or usual_unit
    if value is None:
        parsed = with_unit(sample.raw.get("value"))
        if parsed is None or sample.multiplier or not doubts.add(readings.VALUE_WITH_UNIT):
            doubts.add(readings.UNREADABLE_VALUE)
            return None
        value, unit = parsed
    if value and value.adjusted() + sample.multiplier < _SMALLEST_EXPONENT:
        doubts.add(readings.IMPLAUSIBLE_VALUE)
        return None
    if unit not in _UNITS and unit != usual_unit:
        spelled = _SPELLINGS.get(unit.strip().lower().replace(" ", ""))
        if spelled is not None and doubts.add(readings.UNIT_SPELLING):
            unit = spelled
    try:
        return convert(value, unit, sample.multiplier)
    except _Implausible:
        doubts.add(readings.IMPLAUSIBLE_VALUE)
    except ValueError:
        too_large = value.adjusted() + sample.multiplier > _LARGEST_EXPONENT
        doubts.add(readings.IMPLAUSIBLE_VALUE if too_large else readings.UNKNOWN_UNIT)
    return None


class _Implausible(ValueError):
    pass


def _percent(value: Decimal, _unit: str, multiplier: int) -> int:
    if not 0 <= value <= 100 or multiplier:
        raise _Implausible
    return round(value)


_PHASES = {"L1": 1, "L1-N": 1, "L2": 2, "L2-N": 2, "L3": 3, "L3-N": 3}


def _sum(values: Mapping[str, int]) -> tuple[int | None, str | None]:
    """The total, or the sum over the phases where only phases come."""
    if "" in values:
        return values[""], ""
    phases = {_PHASES[phase]: (value, phase) for phase, value in values.items() if phase in _PHASES}
    if not phases:
        return None, None
    only = next(iter(phases.values()))[1] if len(phases) == 1 else None
    return sum(value for value, _ in phases.values()), only


def _greatest(values: Mapping[str, int]) -> tuple[int | None, str | None]:
    """The greatest of the phases; the neutral conductor is none."""
    phases = {phase: value for phase, value in values.items() if phase in _PHASES} or {
        phase: value for phase, value in values.items() if not phase
    }
    if not phases:
        return None, None
    return max(phases.values()), next(iter(phases)) if len(phases) == 1 else None


def _first(values: Mapping[str, int]) -> tuple[int | None, str | None]:
    """The value without a phase, or that of the first phase against neutral."""
    ordered = sorted((_PHASES.get(phase, 0), phase) for phase in values if phase in _PHASES or not phase)
    if not ordered:
        return None, None
    return values[ordered[0][1]], ordered[0][1]


MEASURANDS: Mapping[str, tuple[str, str, _Convert, _Fold]] = {
    ENERGY_REGISTER: ("energy_wh", "Wh", energy_wh, _sum),
    "Power.Active.Import": ("power_w", "W", power_w, _sum),
    "Power.Offered": ("power_offered_w", "W", power_w, _sum),
    "Current.Import": ("current_ma", "A", current_ma, _greatest),
    "Voltage": ("voltage_mv", "V", voltage_mv, _first),
    "SoC": ("soc_percent", "Percent", _percent, _first),
}
# Field and power of ten by measurand and unit, spelled as the specifications do; None where no unit is told.
_PLAIN: Mapping[tuple[str, str | None], tuple[str, int]] = {
    (measurand, unit): (MEASURANDS[measurand][0], exponent)
    for measurand, units in {
        ENERGY_REGISTER: {"Wh": 0, "kWh": 3, None: 0},
        "Power.Active.Import": {"W": 0, "kW": 3, None: 0},
        "Power.Offered": {"W": 0, "kW": 3, None: 0},
        "Current.Import": {"A": 3, None: 3},
        "Voltage": {"V": 3, None: 3},
        "SoC": {"Percent": 0, None: 0},
    }.items()
    for unit, exponent in units.items()
}
_NOT_PLAIN = ("", 0)
_PERCENT = "soc_percent"
_LOCATIONS = ("Outlet", "Inlet", "Cable", "EV", "Body")
