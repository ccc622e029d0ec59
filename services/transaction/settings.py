"""The settings of the transaction service beside those that every service has."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from services.process.settings import ServiceSettings
from services.transaction.domain.concurrency import Concurrency, Policy

Days = Annotated[int, Field(ge=1, le=3650)]
Hours = Annotated[float, Field(ge=0.005, le=8760)]
Minutes = Annotated[int, Field(ge=1, le=1440)]


class TransactionSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # For how long is kept what grows with traffic. Transactions themselves stay.
    meter_values_retention_days: Days = 400
    transaction_events_retention_days: Days = 400
    ocpp_messages_retention_days: Days = 30

    # Whether the journal is kept compressed. Services of releases before 0.3.0 show only what was stored while this is
    # off; what is stored either way is shown by this one.
    ocpp_messages_compressed: bool = True

    # What becomes of a transaction whose card, or another one of its group, charges elsewhere: `off` does not look,
    # `warn` accepts it with the flag `concurrent_tx_allowed`, `refuse` tells the charge point ConcurrentTx.
    concurrent_tx_per_card: Policy = Policy.REFUSE
    concurrent_tx_per_group: Policy = Policy.OFF
    # A transaction of which nothing was heard for so long does not keep its card in use.
    concurrent_tx_silence_minutes: Minutes = 120

    # A transaction of which nothing is heard for so long, neither readings nor anything else, has ended. Fractions are
    # for tests.
    session_silence_hours: Hours = 72

    # Whether a charge point is asked about a transaction of which events are missing (GetTransactionStatus).
    ask_for_missing_events: bool = True

    @property
    def silence(self) -> timedelta:
        """After how long a transaction of which nothing is heard has ended."""
        return timedelta(hours=self.session_silence_hours)

    @property
    def concurrency(self) -> Concurrency:
        """The rules about tokens in use."""
        silence = timedelta(minutes=self.concurrent_tx_silence_minutes)
        return Concurrency(self.concurrent_tx_per_card, self.concurrent_tx_per_group, silence)

    @property
    def retention_days(self) -> Mapping[str, int]:
        """The days of each table."""
        return {
            "meter_values": self.meter_values_retention_days,
            "transaction_events": self.transaction_events_retention_days,
            "ocpp_messages": self.ocpp_messages_retention_days,
            "journal_segments": self.ocpp_messages_retention_days,
        }
