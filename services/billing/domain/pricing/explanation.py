"""How a price comes about: for each line the periods, the readings around them, the component, the step, the rounding.

The lines are those of the bill: this is the same computation, told in full.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.billing.domain.course import Reading
from services.billing.domain.price_component import ComponentKind
from services.billing.domain.pricing.consumption import Consumption
from services.billing.domain.pricing.periods import Period, Timeline
from services.billing.domain.pricing.price import Price, price_of, quantity_of
from services.billing.domain.pricing.shares import Part, Share, shared
from services.billing.domain.pricing.totals import PriceLine
from services.billing.domain.tariff import Tariff

# A session of weeks under a tariff with many windows has thousands; nobody reads on.
MOST_PARTS = 250
_EXACT = Decimal("0.000000001")


class ExplainedPart(NamedTuple):
    """A time in which one component counted: `component` is its place in the tariff.

    `quantity` is what came in it, before steps. The readings are those around its begin and its end, of energy only and
    as far as there are some.
    """

    begin: datetime
    end: datetime
    component: int
    quantity: Decimal
    readings: Sequence[Reading] = ()


class ExplainedLine(NamedTuple):
    """A line and what made it: `step_added` of its quantity was added by a step of `step_size` Wh or seconds.

    `exact_amount` is quantity by price before it was rounded. Of more than MOST_PARTS parts the first are told.
    """

    line: PriceLine
    parts: Sequence[ExplainedPart]
    part_count: int
    step_size: int
    step_added: Decimal
    exact_amount: Decimal


class Explanation(NamedTuple):
    """A price with its lines explained. Those of discounts and limits have no parts: they follow from the others.

    `reading_count` is how many readings the energy lies along.
    """

    price: Price
    lines: Sequence[ExplainedLine]
    time_zone: str
    reading_count: int


def explain(tariff: Tariff, used: Consumption) -> Explanation:
    """The same as `price`, with how it comes about."""
    found = shared(tariff, used)
    priced = price_of(tariff, used, found)
    explained = [
        _explained(line, share, found.timeline) for line, share in zip(priced.lines, found.shares, strict=False)
    ]
    rest = [
        ExplainedLine(line, (), 0, 0, Decimal(0), line.amount.to_decimal())
        for line in priced.lines[len(found.shares) :]
    ]
    curve = found.timeline.curve
    return Explanation(priced, [*explained, *rest], used.time_zone, len(curve.points) if curve else 0)


def _explained(line: PriceLine, share: Share, timeline: Timeline) -> ExplainedLine:
    joined = list(_joined(share))
    return ExplainedLine(
        line=line,
        parts=[_part(begin, end, share, timeline) for begin, end in joined[:MOST_PARTS]],
        part_count=len(joined),
        step_size=share.components[-1].step_size,
        step_added=quantity_of(share, share.step)[0],
        exact_amount=line.quantity * share.unit_price,
    )


def _joined(share: Share) -> Iterator[tuple[Part, Part]]:
    """The parts of a share, those that follow each other without a gap by the same component as one: first and last."""
    first: Part | None = None
    last: Part | None = None
    for part in share.parts:
        if first is not None and last is not None:
            if (part.position, part.period.begin) == (last.position, last.period.end):
                last = part
                continue
            yield first, last
        first = last = part
    if first is not None and last is not None:
        yield first, last


def _part(first: Part, last: Part, share: Share, timeline: Timeline) -> ExplainedPart:
    begin, end = first.period, last.period
    return ExplainedPart(
        begin=timeline.local(begin.begin),
        end=timeline.local(end.end),
        component=first.position,
        quantity=_quantity(begin, end, share, timeline),
        readings=timeline.readings_around(begin.begin, end.end) if share.kind is ComponentKind.ENERGY else (),
    )


def _quantity(begin: Period, end: Period, share: Share, timeline: Timeline) -> Decimal:
    if share.kind is not ComponentKind.ENERGY:
        return quantity_of(share, 1 if share.kind is ComponentKind.FLAT else end.end - begin.begin)[0]
    exact: Fraction = timeline.billed(end.end_energy.exact - begin.begin_energy.exact) / 1000
    return (Decimal(exact.numerator) / exact.denominator).quantize(_EXACT).normalize()
