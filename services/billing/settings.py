"""The settings of the billing service beside those that every service has."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from services.process.settings import ServiceSettings


class BillingSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # By how much a bill that is paid changes without a person, in major units of its currency: more waits for one.
    # Zero means that a person decides about each.
    paid_bill_correction_limit: Annotated[Decimal, Field(ge=0, le=1_000_000)] = Decimal(5)
    # For so long the bill of a session whose end was only concluded waits for one that is told.
    estimated_end_patience_minutes: Annotated[float, Field(ge=0.1, le=10_080)] = 10
    # What becomes of sessions that told no energy register: they wait for a person, or are billed as if there had been
    # no energy, by time and session alone.
    unmetered_sessions: Literal["hold", "bill"] = "hold"

    @property
    def end_patience(self) -> timedelta:
        """For how long a bill waits for an end that is told."""
        return timedelta(minutes=self.estimated_end_patience_minutes)
