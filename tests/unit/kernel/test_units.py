"""services.kernel.units"""

from collections.abc import Callable
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.units import current_ma, energy_wh, power_w, voltage_mv, whole_of

_Convert = Callable[[Decimal, str, int], int]


@pytest.mark.parametrize(
    ("convert", "value", "unit", "multiplier", "expected"),
    [
        (energy_wh, "1234", "Wh", 0, 1234),
        (energy_wh, "1.2345", "kWh", 0, 1234),
        (energy_wh, "1.2355", "kWh", 0, 1236),
        (energy_wh, "-0.5", "kWh", 0, -500),
        (energy_wh, "15", "Wh", 3, 15_000),
        (energy_wh, "15000", "kWh", -3, 15_000),
        (energy_wh, "0E+999999", "Wh", 0, 0),
        (energy_wh, "1E-999999", "kWh", 0, 0),
        (power_w, "11.04", "kW", 0, 11_040),
        (power_w, "7360.4", "W", 0, 7360),
        (current_ma, "15.997", "A", 0, 15_997),
        (voltage_mv, "230.1", "V", 0, 230_100),
    ],
)
def test_a_reading_becomes_a_whole_number_of_our_unit(
    convert: _Convert, value: str, unit: str, multiplier: int, expected: int
) -> None:
    assert convert(Decimal(value), unit, multiplier) == expected


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_every_register_that_fits_64_bits_is_kept_to_the_last_digit(register: int) -> None:
    assert energy_wh(Decimal(register)) == register
    assert energy_wh(Decimal(register).scaleb(-3, context=Context(prec=40)), "kWh") == register


@pytest.mark.parametrize("value", ["9223372036854775808", "-9223372036854775809", "1E+19", "1E+999999", "9.3E+18"])
def test_a_reading_beyond_64_bits_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        energy_wh(Decimal(value))


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not a reading"):
        power_w(Decimal(value))


@pytest.mark.parametrize(
    ("convert", "unit"), [(energy_wh, "W"), (energy_wh, "kwh"), (power_w, "kVA"), (current_ma, ""), (voltage_mv, "A")]
)
def test_an_unknown_unit_is_refused_by_name(convert: _Convert, unit: str) -> None:
    with pytest.raises(ValueError, match=f"unit {unit!r}"):
        convert(Decimal(1), unit, 0)


@given(st.integers(0, 10**12), st.integers(0, 5), st.integers(0, 5))
def test_plain_text_makes_the_same_whole_number_as_a_decimal(digits: int, places: int, exponent: int) -> None:
    text = f"{Decimal(digits).scaleb(-places):f}"
    found = whole_of(text, exponent)
    if len(text.partition(".")[2]) > exponent:
        assert found is None
    else:
        assert found == Decimal(text).scaleb(exponent)


@pytest.mark.parametrize(
    "text", ["", ".", "-1", "+1", " 1", "1 ", "1e3", "1,5", "1_000", "NaN", "٣", "1.2.3", "9" * 19]
)
def test_text_that_needs_judgement_makes_no_whole_number(text: str) -> None:
    assert whole_of(text, 3) is None
