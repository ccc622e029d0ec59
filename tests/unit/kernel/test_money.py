"""services.kernel.money"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.money import Money, minor_digits

_currencies = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])
_minor = st.integers(min_value=-(10**15), max_value=10**15)
_money = st.builds(Money, _currencies, _minor)


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("EUR", "12.34", 1234),
        ("EUR", "0.125", 12),
        ("EUR", "0.135", 14),
        ("EUR", "-0.125", -12),
        ("JPY", "1234.5", 1234),
        ("KWD", "1.2345", 1234),
        ("EUR", "1E+3", 100_000),
    ],
)
def test_a_decimal_is_rounded_half_to_even_at_the_minor_unit(currency: str, amount: str, minor: int) -> None:
    assert Money.from_decimal(currency, Decimal(amount)) == Money(currency, minor)


@given(_money)
def test_a_decimal_there_and_back_is_the_same_money(money: Money) -> None:
    assert Money.from_decimal(money.currency_code, money.to_decimal()) == money


@given(_money)
def test_units_and_nanos_there_and_back_are_the_same_money(money: Money) -> None:
    units, nanos = money.units_nanos()

    assert units * nanos >= 0
    assert Money.from_units_nanos(money.currency_code, units, nanos) == money


def test_units_and_nanos_carry_the_sign() -> None:
    assert Money("EUR", -150).units_nanos() == (-1, -500_000_000)
    assert Money("EUR", -50).units_nanos() == (0, -500_000_000)
    assert Money("JPY", 7).units_nanos() == (7, 0)


@pytest.mark.parametrize(("units", "nanos"), [(1, -1), (-1, 1), (0, 10**9), (0, -(10**9)), (0, 1), (1, 12_345_678)])
def test_units_and_nanos_that_are_no_amount_are_refused(units: int, nanos: int) -> None:
    with pytest.raises(ValueError, match=r"no amount|finer"):
        Money.from_units_nanos("EUR", units, nanos)


@given(_currencies, _minor, _minor)
def test_arithmetic_and_order_are_those_of_the_minor_units(currency: str, one: int, other: int) -> None:
    left, right = Money(currency, one), Money(currency, other)

    assert left + right == Money(currency, one + other)
    assert left - right == Money(currency, one - other)
    assert -left == Money(currency, -one)
    assert (left < right, left <= right, left > right, left >= right) == (
        one < other,
        one <= other,
        one > other,
        one >= other,
    )


def test_currencies_do_not_mix() -> None:
    euro, yen = Money("EUR", 1), Money("JPY", 1)

    assert euro != yen
    for mix in (lambda: euro + yen, lambda: euro - yen, lambda: euro < yen, lambda: euro >= yen):
        with pytest.raises(ValueError, match="EUR and JPY do not mix"):
            mix()


@pytest.mark.parametrize("code", ["", "eur", "EU", "EURO", "E1R", "ÄÖÜ"])
def test_what_is_no_currency_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="not a currency code"):
        Money(code, 1)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money.from_decimal("EUR", Decimal(amount))


def test_minor_units_follow_iso_4217() -> None:
    assert [minor_digits(code) for code in ("EUR", "USD", "JPY", "KWD", "CLF")] == [2, 2, 0, 3, 4]
