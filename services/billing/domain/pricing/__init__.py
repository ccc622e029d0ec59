"""What a session costs: a pure function of its readings, its times, a tariff and who drives.

`price` is the only place where money comes about, for bills, live costs and previews alike; `explain` says how. The
rules, and why they are these, are in docs/pricing.md.
"""

from services.billing.domain.pricing.consumption import (
    FIRST_YEAR,
    LAST_YEAR,
    LONGEST_SESSION,
    MOST_ENERGY_WH,
    MOST_IDLE_MINUTES,
    Consumption,
    Reservation,
    checked,
)
from services.billing.domain.pricing.explanation import ExplainedLine, ExplainedPart, Explanation, explain
from services.billing.domain.pricing.needs import may_need_course, needs_course
from services.billing.domain.pricing.price import Price, price, require_valid
from services.billing.domain.pricing.totals import PriceLine

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "LONGEST_SESSION",
    "MOST_ENERGY_WH",
    "MOST_IDLE_MINUTES",
    "Consumption",
    "ExplainedLine",
    "ExplainedPart",
    "Explanation",
    "Price",
    "PriceLine",
    "Reservation",
    "checked",
    "explain",
    "may_need_course",
    "needs_course",
    "price",
    "require_valid",
]
