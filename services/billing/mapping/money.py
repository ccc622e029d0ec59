"""Amounts of money and prices as google.type.Money."""

from decimal import Decimal

from google.type.money_pb2 import Money as MoneyMessage

from services.kernel.errors import invalid
from services.kernel.money import Money

_NANOS = 1_000_000_000


def money_of(message: MoneyMessage, field: str) -> Money:
    """The amount in a message. Raises: INVALID_FIELD naming `field`."""
    try:
        return Money.from_units_nanos(message.currency_code, message.units, message.nanos)
    except ValueError as error:
        raise invalid(field, str(error)) from None


def price_to_proto(price: Decimal, currency_code: str) -> MoneyMessage:
    """A price of one unit, which may be finer than the minor unit of the currency."""
    nanos = int(price * _NANOS)
    units, rest = divmod(abs(nanos), _NANOS)
    sign = -1 if nanos < 0 else 1
    return MoneyMessage(currency_code=currency_code, units=sign * units, nanos=sign * rest)


def price_of(message: MoneyMessage, currency_code: str, field: str) -> Decimal:
    """The price of one unit in a message. Raises: INVALID_FIELD naming `field`."""
    if message.currency_code not in ("", currency_code):
        raise invalid(f"{field}.currencyCode", f"must be {currency_code} or left out")
    if abs(message.nanos) >= _NANOS or message.units * message.nanos < 0:
        raise invalid(field, f"units {message.units} and nanos {message.nanos} are no amount of money")
    return Decimal(message.units) + Decimal(message.nanos) / _NANOS
