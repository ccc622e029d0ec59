"""The settings of the billing service beside those that every service has."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from services.chassis.settings import ServiceSettings


class BillingSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # By how much a bill that is paid changes without a person, in major units of its currency: more waits for one.
    # Zero means that a person decides about each.
    paid_bill_correction_limit: Annotated[Decimal, Field(ge=0, le=1_000_000)] = Decimal(5)
    # What becomes of sessions that told no energy register: they wait for a person, or are billed as if there had been
    # no energy, by time and session alone.
    unmetered_sessions: Literal["hold", "bill"] = "hold"
