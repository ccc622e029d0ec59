"""Readings in the units of OCPP brought to whole watt-hours, watts, milliamperes and millivolts.

Knows the spellings of the specification only; what a charger misspells is put right before it comes here.
Sources: OCPP 1.6 section 7.45 (UnitOfMeasure); OCPP 2.0.1 part 2, UnitOfMeasureType (multiplier is a power of ten).
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal

# Powers of ten that lead to the unit we keep.
_ENERGY = {"Wh": 0, "kWh": 3}
_POWER = {"W": 0, "kW": 3}
_CURRENT = {"A": 3}
_VOLTAGE = {"V": 3}

_INT64_DIGITS = 19
_INT64_MAX = 2**63 - 1
_ONE = Decimal(1)
# Precise enough for every reading; made once, for making one costs more than its use.
_EXACT = Context(prec=1000)


def energy_wh(value: Decimal, unit: str = "Wh", multiplier: int = 0) -> int:
    """Energy in Wh. Raises ValueError for an unknown unit and for what does not fit 64 bits."""
    return _whole(value, _exponent(_ENERGY, unit) + multiplier)


def power_w(value: Decimal, unit: str = "W", multiplier: int = 0) -> int:
    """Power in W. Raises ValueError for an unknown unit and for what does not fit 64 bits."""
    return _whole(value, _exponent(_POWER, unit) + multiplier)


def current_ma(value: Decimal, unit: str = "A", multiplier: int = 0) -> int:
    """Current in mA. Raises ValueError for an unknown unit and for what does not fit 64 bits."""
    return _whole(value, _exponent(_CURRENT, unit) + multiplier)


def voltage_mv(value: Decimal, unit: str = "V", multiplier: int = 0) -> int:
    """Voltage in mV. Raises ValueError for an unknown unit and for what does not fit 64 bits."""
    return _whole(value, _exponent(_VOLTAGE, unit) + multiplier)


def whole_of(text: str, exponent: int) -> int | None:
    """The number in `text` times ten to `exponent`; None for one that needs judgement: a sign, a rounding, a spelling.

    For the readings that come by the thousand: a tenth of the time that Decimal takes.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > exponent or not (whole or fraction):
        return None
    digits = whole + fraction.ljust(exponent, "0")
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < _INT64_DIGITS else None


def _exponent(known: dict[str, int], unit: str) -> int:
    try:
        return known[unit]
    except KeyError:
        raise ValueError(f"unit {unit!r} is not one of {', '.join(known)}") from None


def _whole(value: Decimal, exponent: int) -> int:
    """`value` times ten to `exponent` as an int, a fraction rounded half to even."""
    if not value.is_finite():
        raise ValueError(f"not a reading: {value}")
    # Checked on the exponent: writing out 1E+1000000 would take the process down.
    magnitude = value.adjusted() + exponent
    if value and magnitude >= _INT64_DIGITS:
        raise ValueError(f"reading out of range: {value}E{exponent:+}")
    if not value or magnitude < -1:
        return 0
    # Rounded once, at the end: every digit of the reading has to survive the shift.
    whole = int(value.scaleb(exponent, _EXACT).quantize(_ONE, ROUND_HALF_EVEN, _EXACT))
    if not -_INT64_MAX - 1 <= whole <= _INT64_MAX:
        raise ValueError(f"reading out of range: {value}E{exponent:+}")
    return whole
