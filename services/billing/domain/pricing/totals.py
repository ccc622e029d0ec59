"""From lines to what is to be paid: discounts, tax, the least and the most that a session costs.

Exact in fractions until an amount is written down. Amounts are rounded half to even, to the minor unit of the currency:
each line, and the tax once for all lines together. Where parts have to sum to a rounded whole the largest rests are
rounded up.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.billing.domain.tariff import MembershipTier, PriceLimit, Tariff
from services.billing.domain.taxation import TaxTreatment
from services.kernel.money import Money, minor_digits

_WHOLE = 10_000
_UNIT_PRICE = Decimal("0.000000001")


class PriceLine(NamedTuple):
    """One line of a bill, before tax. `unit_price` is in major units, `quantity` counts `unit`s.

    Where prices include the tax, `unit_price` is what is left of it without, to a billionth. The tax is in
    hundredths of a percent; None on bills from before that was kept.
    """

    kind: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Money
    tax_basis_points: int | None = None
    tax_treatment: TaxTreatment = TaxTreatment.STANDARD


class Totals(NamedTuple):
    """Lines before tax, their sum, the tax on it, and both."""

    lines: Sequence[PriceLine]
    subtotal: Money
    tax: Money
    total: Money


_ByRate = Mapping[int, Fraction]


def totals(tariff: Tariff, tier: MembershipTier, lines: Sequence[PriceLine]) -> Totals:
    """What the lines of a tariff, as their prices are stated, come to for a driver of a tier."""
    found = [*lines, *_discounts(tariff, tier, lines)]
    if tariff.min_price != (None, None) or tariff.max_price != (None, None):
        found += _limiting(tariff, found)
    stated = _sum(tariff, found)
    if tariff.tax_included:
        gross = stated
        net_of = sum((amount / _factor(rate) for rate, amount in _by_rate(found).items()), Fraction(0))
        tax = _within(tariff, gross, gross - _money(tariff, net_of), is_gross=True)
        found = _without_tax(tariff, found, gross - tax)
        return Totals(found, gross - tax, tax, gross)
    # In whole numbers, as it is done for every bill.
    tax_of = Fraction(sum(line.amount.minor_units * (line.tax_basis_points or 0) for line in found), _WHOLE)
    tax = _within(tariff, stated, Money(tariff.currency_code, round(tax_of)), is_gross=False)
    return Totals(found, stated, tax, stated + tax)


def _discounts(tariff: Tariff, tier: MembershipTier, lines: Sequence[PriceLine]) -> Iterator[PriceLine]:
    """The discount of a tier, a line for each rate of tax."""
    basis_points = tariff.tier_discounts.get(tier, 0)
    if not basis_points:
        return
    for rate, amount in _by_rate(lines).items():
        if amount:
            subtotal = _decimal(amount, tariff)
            yield PriceLine(
                kind="DISCOUNT",
                description=f"Discount for {tier.capitalize()} members",
                quantity=Decimal(basis_points) / 100,
                unit="%",
                unit_price=-subtotal / 100,
                amount=Money.from_decimal(tariff.currency_code, -subtotal * basis_points / _WHOLE),
                tax_basis_points=rate,
            )


def _limiting(tariff: Tariff, lines: Sequence[PriceLine]) -> Iterator[PriceLine]:
    """What brings the lines up to the least price or down to the most, a line for each rate of tax."""
    stated = _by_rate(lines)
    net = {rate: amount / _factor(rate) if tariff.tax_included else amount for rate, amount in stated.items()}
    raised = _raised(net, tariff.min_price, tariff)
    lowered = _lowered(raised, tariff.max_price)
    for kind, name, before, after in (
        ("MIN_PRICE", "Minimum price", net, raised),
        ("MAX_PRICE", "Maximum price", raised, lowered),
    ):
        change = {rate: after[rate] - before.get(rate, Fraction(0)) for rate in sorted(after)}
        if tariff.tax_included:
            change = {rate: amount * _factor(rate) for rate, amount in change.items()}
        for rate, amount in zip(change, _rounded(tariff, list(change.values())), strict=True):
            if amount.minor_units:
                unit_price = amount.to_decimal()
                yield PriceLine(kind, name, Decimal(1), "session", unit_price, amount, rate)


def _raised(net: _ByRate, limit: PriceLimit, tariff: Tariff) -> _ByRate:
    """Amounts before tax that are at least `limit`: all by the same factor."""
    net_least, gross_least = Fraction(limit.net or 0), Fraction(limit.gross or 0)
    whole, gross = sum(net.values()), sum(amount * _factor(rate) for rate, amount in net.items())
    if whole >= net_least and gross >= gross_least:
        return net
    if whole <= 0:
        # There is nothing to follow: the tax of the first thing that the tariff charges for.
        rate = tariff.tax_of(tariff.components[0])
        rest = {one: Fraction(0) for one in net}
        return {**rest, rate: max(net_least, gross_least / _factor(rate))}
    factor = max(net_least / whole, gross_least / gross)
    return {rate: amount * factor for rate, amount in net.items()}


def _lowered(net: _ByRate, limit: PriceLimit) -> _ByRate:
    """Amounts before tax that are at most `limit`, which holds without tax and with it.

    All are lowered by the same factor. Where the price with tax is still too high then, those with the highest tax are
    lowered more, as far as that goes (so the published example of OCPI comes to 10.00 and 11.00).
    """
    whole = sum(net.values(), Fraction(0))
    if whole <= 0:
        return net
    net_most = whole if limit.net is None else min(Fraction(limit.net), whole)
    even = {rate: amount * net_most / whole for rate, amount in net.items()}
    gross = sum(amount * _factor(rate) for rate, amount in even.items())
    if limit.gross is None or gross <= Fraction(limit.gross):
        return even
    most = Fraction(limit.gross)
    lowest = _lowest_first(net, net_most)
    least = sum(amount * _factor(rate) for rate, amount in lowest.items())
    if least > most:
        return {rate: amount * most / least for rate, amount in lowest.items()}
    part = (gross - most) / (gross - least)
    return {rate: even[rate] + part * (lowest[rate] - even[rate]) for rate in even}


def _lowest_first(net: _ByRate, whole: Fraction) -> _ByRate:
    """As much of the amounts as sums to `whole`, those with the lowest tax first."""
    found: dict[int, Fraction] = {}
    for rate in sorted(net):
        found[rate] = min(net[rate], whole)
        whole -= found[rate]
    return found


def _within(tariff: Tariff, stated: Money, tax: Money, *, is_gross: bool) -> Money:
    """`tax`, a rounding's cent less or more where the sum would miss a limit by that."""
    code = tariff.currency_code
    for limit, holds in ((tariff.max_price, min), (tariff.min_price, max)):
        bound = limit.net if is_gross else limit.gross
        if bound is None:
            continue
        amount = Money.from_decimal(code, bound)
        room = stated - amount if is_gross else amount - stated
        # What comes before tax is at most the limit when the tax is at least the rest, and the other way round.
        best = (max if holds is min else min)(tax, room) if is_gross else holds(tax, room)
        if abs((best - tax).minor_units) <= 1:
            tax = best
    return tax


def _without_tax(tariff: Tariff, lines: Sequence[PriceLine], subtotal: Money) -> list[PriceLine]:
    """Lines whose prices include the tax without it, so that they sum to `subtotal`."""
    exact = [Fraction(line.amount.to_decimal()) / _factor(line.tax_basis_points or 0) for line in lines]
    amounts = _rounded(tariff, exact, subtotal)
    found = []
    for line, amount in zip(lines, amounts, strict=True):
        unit_price = line.unit_price * _WHOLE / (_WHOLE + (line.tax_basis_points or 0))
        found.append(line._replace(unit_price=unit_price.quantize(_UNIT_PRICE).normalize(), amount=amount))
    return found


def _rounded(tariff: Tariff, exact: Sequence[Fraction], whole: Money | None = None) -> list[Money]:
    """Amounts that sum to `whole`, else to the rounded sum: rounded down, and the largest rests up."""
    scale = 10 ** minor_digits(tariff.currency_code)
    target = (_money(tariff, sum(exact, Fraction(0))) if whole is None else whole).minor_units
    found = [int(amount * scale // 1) for amount in exact]
    by_rest = sorted(range(len(found)), key=lambda place: (found[place] - exact[place] * scale, place))
    for place in by_rest[: max(target - sum(found), 0)]:
        found[place] += 1
    if found and (rest := target - sum(found)):
        # A cent of another rounding.
        found[by_rest[0]] += rest
    return [Money(tariff.currency_code, amount) for amount in found]


def _by_rate(lines: Sequence[PriceLine]) -> dict[int, Fraction]:
    """The sums of lines by their tax, in order of appearance."""
    found: dict[int, int] = {}
    for line in lines:
        rate = line.tax_basis_points or 0
        found[rate] = found.get(rate, 0) + line.amount.minor_units
    scale = 10 ** minor_digits(lines[0].amount.currency_code) if lines else 1
    return {rate: Fraction(amount, scale) for rate, amount in found.items()}


def _sum(tariff: Tariff, lines: Sequence[PriceLine]) -> Money:
    return Money(tariff.currency_code, sum(line.amount.minor_units for line in lines))


def _money(tariff: Tariff, amount: Fraction) -> Money:
    scale = 10 ** minor_digits(tariff.currency_code)
    return Money(tariff.currency_code, round(amount * scale))


def _decimal(amount: Fraction, tariff: Tariff) -> Decimal:
    return _money(tariff, amount).to_decimal()


def _factor(rate: int) -> Fraction:
    return Fraction(_WHOLE + rate, _WHOLE)
