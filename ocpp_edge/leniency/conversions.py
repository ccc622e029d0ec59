"""Values of another type than the schema wants, as what they mean. Pure; None for what means nothing."""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ocpp_edge.facts.meter_values import decimal_of, with_unit

# Beyond so many digits nothing is a reading or a number of anything.
_MOST_DIGITS = 18
# Thousands, or thousandths: nobody can tell, and a register of whole watt-hours has no use for the latter.
_GROUPED = re.compile(r"[-+]?\d{1,3},\d{3}\s*", re.ASCII)
_WATT_HOURS = {"Wh": 1, "kWh": 1000}
_LONGEST_WORD = 100
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def integer_of(value: Any) -> int | None:
    """`3.0` and `"3"` are 3; 3.5 is no whole number."""
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 10**_MOST_DIGITS else None
    number = _number(value)
    return int(number) if number is not None and number == number.to_integral_value() else None


def register_of(value: Any) -> int | None:
    """A register in Wh: rounded, and with its unit behind it if need be (`"1.3 kWh"` is 1300)."""
    if isinstance(value, str) and _GROUPED.fullmatch(value.strip()):
        return None
    number = _number(value)
    if number is None and (parsed := with_unit(value)) is not None and parsed[1] in _WATT_HOURS:
        number = parsed[0] * _WATT_HOURS[parsed[1]]
    return None if number is None else int(number.quantize(Decimal(1), ROUND_HALF_EVEN))


def number_of(value: Any) -> int | float | None:
    """A number, whole where it can be."""
    number = _number(value)
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)


def text_of(value: Any) -> str | None:
    """A number as it is written; a whole one without a fraction."""
    if type(value) is float and value.is_integer() and abs(value) < 10**_MOST_DIGITS:
        return str(int(value))
    return str(value) if type(value) in (int, float) else None


def setting_of(value: Any) -> str | None:
    """A number, or a yes or no in small letters."""
    return str(value).lower() if type(value) is bool else text_of(value)


def boolean_of(value: Any) -> bool | None:
    """A yes or no that was written as a text or a number."""
    return _BOOLEANS.get(str(value).strip().lower())


def by_letters(words: Iterable[Any]) -> Mapping[str, str]:
    """Words by their letters alone, as `word_like` looks for them."""
    return {_letters(word): word for word in words if isinstance(word, str)}


def word_like(value: str, words: Mapping[str, str]) -> str | None:
    """The one of `words` that is spelled with the same letters, whatever their case and what stands between them."""
    return words.get(_letters(value[:_LONGEST_WORD]))


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum()).lower()


def _number(value: Any) -> Decimal | None:
    if type(value) not in (int, float, str):
        return None
    number = decimal_of(value)
    return number if number is not None and number.adjusted() < _MOST_DIGITS else None
