"""A platform of a few lines for handlers: answers as it is told to, and remembers what it was told."""

from collections.abc import Sequence
from datetime import UTC, datetime

from google.type.money_pb2 import Money

from csms.driver.v1.authorization_service_pb2 import TokenPresentation
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.connectivity_service_pb2 import BootAnswer, BootReport, StatusReport
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable
from csms.transaction.v1.recording_service_pb2 import TransactionEvent, TransactionEventAnswer
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.versions import Version
from services.kernel.clock import Clock, FixedClock
from services.kernel.errors import DomainError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Platform:
    """Satisfies ports.Backend. Tokens it does not know are invalid; `down` names the methods that fail."""

    def __init__(self) -> None:
        self.clock: Clock = FixedClock(NOW)
        self.tokens: dict[str, TokenDecision] = {
            "CARD": TokenDecision(
                status=TokenDecision.ACCEPTED, valid=True, driver_id="d1", reason_code=TokenDecision.CARD_VALID
            ),
            "LOST": TokenDecision(status=TokenDecision.BLOCKED, driver_id="d2", reason_code=TokenDecision.CARD_BLOCKED),
        }
        # What is decided about tokens of a type that no card has.
        self.types: dict[str, TokenDecision] = {}
        self.state: ChargePoint.State.ValueType = ChargePoint.ACCEPTED
        self.transaction_id = "42"
        self.concurrent = False
        self.down: dict[str, DomainError] = {}
        self.boots: list[BootReport] = []
        self.statuses: list[StatusReport] = []
        self.device_events: list[DeviceEvent] = []
        self.variables: list[DeviceVariable] = []
        self.presented: list[str] = []
        self.presentations: list[TokenPresentation] = []
        self.events: list[TransactionEvent] = []
        # By the platform's id of the transaction.
        self.costs: dict[str, Money] = {}

    async def report_boot(self, boot: BootReport) -> BootAnswer:
        self._fail_if_down("report_boot")
        self.boots.append(boot)
        return BootAnswer(state=self.state, interval_seconds=300)

    async def report_status(self, status: StatusReport) -> None:
        self._fail_if_down("report_status")
        self.statuses.append(status)

    async def record_device_events(self, events: Sequence[DeviceEvent]) -> None:
        self._fail_if_down("record_device_events")
        self.device_events += events

    async def known_variables(self, charge_point_id: str, component: str, text: str) -> Sequence[DeviceVariable]:
        self._fail_if_down("known_variables")
        return [one for one in self.variables if one.component.name == component and text.lower() in str(one).lower()]

    async def authorize(self, presentation: TokenPresentation) -> TokenDecision:
        self._fail_if_down("authorize")
        self.presented.append(presentation.token.value)
        # The caller may ask again with the same message.
        self.presentations.append(TokenPresentation.FromString(presentation.SerializeToString()))
        unknown = TokenDecision(status=TokenDecision.INVALID, reason_code=TokenDecision.UNKNOWN_TOKEN)
        return self.tokens.get(presentation.token.value) or self.types.get(presentation.token.type, unknown)

    async def cost(self, transaction_id: str) -> Money | None:
        self._fail_if_down("cost")
        return self.costs.get(transaction_id)

    async def record(self, event: TransactionEvent) -> TransactionEventAnswer:
        self._fail_if_down("record")
        self.events.append(event)
        authorization, reason = event.authorization, event.authorization_reason
        if self.concurrent:
            authorization, reason = Transaction.CONCURRENT_TX, TokenDecision.TOKEN_IN_USE
        ocpp_transaction_id = event.ocpp_transaction_id or self.transaction_id
        return TransactionEventAnswer(
            transaction_id="x",
            ocpp_transaction_id=ocpp_transaction_id,
            authorization=authorization,
            authorization_reason=reason,
        )

    @property
    def event(self) -> TransactionEvent:
        """The one event that was recorded."""
        (event,) = self.events
        return event

    def _fail_if_down(self, method: str) -> None:
        if method in self.down:
            raise self.down[method]


def context(version: Version = Version.V16, state: ChargePointState = ChargePointState.ACCEPTED) -> ChargerContext:
    """An accepted charge point whose message has just come in."""
    return ChargerContext("CP1", version, epoch=7, state=state, station_id="s1", received_time=NOW)
