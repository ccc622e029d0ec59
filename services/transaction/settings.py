"""The settings of the transaction service beside those that every service has."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from services.chassis.settings import ServiceSettings

Days = Annotated[int, Field(ge=1, le=3650)]


class TransactionSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # For how long is kept what grows with traffic. Transactions themselves stay.
    meter_values_retention_days: Days = 400
    transaction_events_retention_days: Days = 400
    ocpp_messages_retention_days: Days = 30

    @property
    def retention_days(self) -> Mapping[str, int]:
        """The days of each table."""
        return {
            "meter_values": self.meter_values_retention_days,
            "transaction_events": self.transaction_events_retention_days,
            "ocpp_messages": self.ocpp_messages_retention_days,
        }
