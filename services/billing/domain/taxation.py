"""Which tax a price carries for a customer. What a tariff says of tax is decided in pricing/totals.py."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from services.kernel.money import Money

if TYPE_CHECKING:
    from services.billing.domain.pricing import Price


class TaxTreatment(StrEnum):
    """How what a customer buys is taxed: by the tariff, by the customer himself, or not at all."""

    STANDARD = "STANDARD"
    REVERSE_CHARGE = "REVERSE_CHARGE"
    EXEMPT = "EXEMPT"


class BillingTerms(NamedTuple):
    """What seller and customers add to prices: how those drivers are taxed who are not by the tariff, and in how many
    days bills are due; None while nobody has said."""

    treatments: Mapping[str, TaxTreatment]
    payment_days: int | None

    def treatment_of(self, driver_id: str | None) -> TaxTreatment:
        """How a driver is taxed."""
        return self.treatments.get(driver_id or "", TaxTreatment.STANDARD)


def taxed_for(price: "Price", treatment: TaxTreatment) -> "Price":
    """`price` for a customer who is treated so: without any tax unless by the tariff."""
    if treatment is TaxTreatment.STANDARD:
        return price
    lines = [line._replace(tax_basis_points=0, tax_treatment=treatment) for line in price.lines]
    return price._replace(lines=lines, tax=Money(price.total.currency_code, 0), total=price.subtotal)
