"""Exact amounts of money in the minor unit of their currency.

Never a float, never a sum over two currencies. Does not convert, format or tax.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Self

# ISO 4217: of no currency, where one has to be named and none is known.
NO_CURRENCY = "XXX"

_NANOS = 1_000_000_000
_USUAL_EXPONENT = 2

# ISO 4217: the currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

# ISO 4217: the currencies in use, without metals, units of account and codes for tests.
_CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
    LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP
    PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
    TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a whole number of minor units (cents of EUR, yen of JPY, fils of KWD); may be negative.

    Arithmetic and comparison are for one currency. Raises ValueError for a currency code that is not three capital
    letters and when currencies are mixed.
    """

    currency_code: str
    minor_units: int

    def __post_init__(self) -> None:
        minor_digits(self.currency_code)

    @classmethod
    def from_decimal(cls, currency_code: str, amount: Decimal) -> Self:
        """`amount` in major units, rounded half to even. Raises ValueError for NaN and infinities."""
        if not amount.is_finite():
            raise ValueError(f"not an amount: {amount}")
        exponent = minor_digits(currency_code)
        return cls(currency_code, int(amount.scaleb(exponent).quantize(Decimal(1), ROUND_HALF_EVEN)))

    @classmethod
    def from_units_nanos(cls, currency_code: str, units: int, nanos: int) -> Self:
        """From the fields of google.type.Money.

        Raises ValueError when the signs disagree, nanos are out of range, or the amount is finer than the minor unit.
        """
        if abs(nanos) >= _NANOS or units * nanos < 0:
            raise ValueError(f"units {units} and nanos {nanos} are no amount of money")
        scale = 10 ** minor_digits(currency_code)
        minor, rest = divmod((units * _NANOS + nanos) * scale, _NANOS)
        if rest:
            raise ValueError(f"finer than the minor unit of {currency_code}: {units} units and {nanos} nanos")
        return cls(currency_code, minor)

    def to_decimal(self) -> Decimal:
        """The amount in major units, with as many decimals as the currency has."""
        return Decimal(self.minor_units).scaleb(-minor_digits(self.currency_code))

    def units_nanos(self) -> tuple[int, int]:
        """The fields `units` and `nanos` of google.type.Money; both carry the sign."""
        scale = 10 ** minor_digits(self.currency_code)
        units, rest = divmod(abs(self.minor_units), scale)
        sign = -1 if self.minor_units < 0 else 1
        return sign * units, sign * rest * (_NANOS // scale)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.currency_code, self.minor_units + self._same(other))

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.currency_code, self.minor_units - self._same(other))

    def __neg__(self) -> "Money":
        return Money(self.currency_code, -self.minor_units)

    def __lt__(self, other: "Money") -> bool:
        return self.minor_units < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor_units <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor_units > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor_units >= self._same(other)

    def _same(self, other: "Money") -> int:
        if other.currency_code != self.currency_code:
            raise ValueError(f"{self.currency_code} and {other.currency_code} do not mix")
        return other.minor_units


@lru_cache(maxsize=1000)  # asked for with every amount; more than there are currencies
def minor_digits(currency_code: str) -> int:
    """Decimals of a currency's minor unit: 2 for EUR, 0 for JPY. Raises ValueError for what is no ISO 4217 code."""
    if (
        len(currency_code) != 3
        or not currency_code.isascii()
        or not currency_code.isalpha()
        or not currency_code.isupper()
    ):
        raise ValueError(f"not a currency code: {currency_code!r}")
    return _EXPONENTS.get(currency_code, _USUAL_EXPONENT)


def currency(code: str) -> str:
    """`code` itself, of a currency that somebody can pay in. Raises ValueError for others, as `EUO`."""
    minor_digits(code)
    if code not in _CURRENCIES:
        raise ValueError(f"not a currency in use: {code!r}")
    return code
