"""What the handlers of OCPP messages need of the platform. Shapes only."""

from collections.abc import Sequence
from typing import Protocol

from google.type.money_pb2 import Money

from csms.driver.v1.authorization_service_pb2 import TokenPresentation
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1.connectivity_service_pb2 import BootAnswer, BootReport, StatusReport
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable
from csms.transaction.v1.recording_service_pb2 import TransactionEvent, TransactionEventAnswer
from services.kernel.clock import Clock


class Backend(Protocol):
    """The platform as a handler sees it.

    Each method returns when what it was told is stored for good, and raises DomainError when it is not: then the
    charge point must not be told that it is.
    """

    @property
    def clock(self) -> Clock: ...

    async def report_boot(self, boot: BootReport) -> BootAnswer:
        """Record a boot; the answer says whether the charge point is accepted."""
        ...

    async def report_status(self, status: StatusReport) -> None:
        """Record the status of a connector."""
        ...

    async def record_device_events(self, events: Sequence[DeviceEvent]) -> None:
        """Record what the charge point notified of itself. Idempotent."""
        ...

    async def known_variables(self, charge_point_id: str, component: str, text: str) -> Sequence[DeviceVariable]:
        """What a charge point has told of those variables of a component whose names or values contain `text`, as far
        as they are there: a page of them at most."""
        ...

    async def authorize(self, presentation: TokenPresentation) -> TokenDecision:
        """Decide about a token; with a time, also by what holds where it was presented. An unknown one is no error."""
        ...

    async def cost(self, transaction_id: str) -> Money | None:
        """What a transaction, by the platform's id, costs by now, tax included; None while that is not known. Raises
        DomainError, after a second at the latest."""
        ...

    async def record(self, event: TransactionEvent) -> TransactionEventAnswer:
        """Record what happened in a session. Idempotent: a repetition gets the answer of the first time."""
        ...
