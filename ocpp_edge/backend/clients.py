"""The services behind the edge, over gRPC: single calls of handlers in, batch RPCs out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import grpc.aio
from google.type.money_pb2 import Money

from csms.billing.v1 import billing_service_pb2 as billing_pb
from csms.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import driver_pb2
from csms.driver.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from csms.station.v1 import connectivity_service_pb2 as station_pb
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_model_service_pb2_grpc import DeviceModelServiceStub
from csms.station.v1.device_variable_pb2 import DeviceVariable
from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1.journal_service_pb2_grpc import JournalServiceStub
from csms.transaction.v1.recording_service_pb2_grpc import RecordingServiceStub
from ocpp_edge.backend.batches import BatchCall
from ocpp_edge.backend.decisions import Decisions
from ocpp_edge.backend.device_events import DeviceEvents
from ocpp_edge.backend.journal_rows import in_rows
from ocpp_edge.backend.statuses import Statuses
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind
from services.rpc.protobuf import duration


@dataclass(frozen=True, slots=True)
class Node:
    """This edge process: its name, and where it answers gRPC."""

    name: str
    address: str


class _OfChargePoint(Protocol):
    @property
    def charge_point_id(self) -> str: ...


class _Reported(Protocol):
    charge_point_id: str
    epoch: int


# How far apart batches start that are not full. What comes thick is a fleet on its way back, and what a batch costs
# counts for more there than these moments; a lone charge point does not wait for them.
_ARRIVAL_SECONDS = 0.050
_STATUS_SECONDS = 0.020
# Nobody waits for the answer.
_DEPARTURE_SECONDS = 0.1
_LARGEST_PAGE = 250
# A driver looks at the display; the charge point waits with all else that it has to say.
_COST_SECONDS = 1.0


# Told that a connection of ours does not speak for its charge point (any more): charge point and epoch.
OnStale = Callable[[str, int], object]
_STALE = "STALE_EPOCH"


class Stations:
    """The station service: who may come in, who is here, and what their connectors do."""

    def __init__(self, channel: grpc.aio.Channel, node: Node, on_stale: OnStale) -> None:
        self._stub = ConnectivityServiceStub(channel)
        self._model = DeviceModelServiceStub(channel)
        self._node = node
        self._on_stale = on_stale
        self.opening = BatchCall("open connections", self._open, _charge_point, linger_seconds=_ARRIVAL_SECONDS)
        self.closing = BatchCall("close connections", self._close, _charge_point, linger_seconds=_DEPARTURE_SECONDS)
        self.boots = BatchCall("report boots", self._boot, _charge_point, self._failed, linger_seconds=_ARRIVAL_SECONDS)
        self.statuses = BatchCall(
            "report statuses", self._report, _connector, self._failed, linger_seconds=_STATUS_SECONDS
        )
        # Many of one charge point may go together: none depends on another.
        self.device_events = BatchCall("record device events", self._record, id, linger_seconds=_STATUS_SECONDS)

    async def live(self, lease: timedelta, sightings: Sequence[station_pb.Sighting]) -> Sequence[str]:
        """Renew the lease of this node and tell whom it has heard; the charge points that are newer elsewhere."""
        request = station_pb.ReportLivenessRequest(
            node=self._node.name, node_address=self._node.address, lease=duration(lease), sightings=sightings
        )
        response = await self._stub.ReportLiveness(request)
        return response.superseded_charge_point_ids

    async def find(self, charge_point_id: str) -> station_pb.FindConnectionResponse:
        """The connection of a charge point, wherever it is. Raises: CONNECTION_NOT_FOUND."""
        return await self._stub.FindConnection(station_pb.FindConnectionRequest(charge_point_id=charge_point_id))

    async def page(self, page_size: int, page_token: str) -> station_pb.ListConnectionsResponse:
        """One page of the open connections of all nodes."""
        request = station_pb.ListConnectionsRequest(page_size=page_size, page_token=page_token)
        return await self._stub.ListConnections(request)

    async def variables(self, charge_point_id: str, component: str, text: str) -> Sequence[DeviceVariable]:
        """What a charge point has told of some of its variables that are there. Raises DomainError."""
        request = model_pb.ListDeviceVariablesRequest(
            charge_point_id=charge_point_id,
            component=component,
            text=text,
            attribute_type=DeviceVariable.ACTUAL,
            gone=False,
            page_size=_LARGEST_PAGE,
        )
        return (await self._model.ListDeviceVariables(request)).variables

    async def report_refusals(self, refusals: Sequence[station_pb.RefusedHandshakes]) -> None:
        """Store who was refused. Raises DomainError."""
        await self._stub.ReportRefusals(station_pb.ReportRefusalsRequest(node=self._node.name, refusals=refusals))

    async def close(self) -> None:
        """Finish what waits."""
        for call in (self.opening, self.boots, self.statuses, self.device_events, self.closing):
            await call.close()

    async def _open(self, items: list[station_pb.ConnectionAttempt]) -> Sequence[station_pb.ConnectionAdmission]:
        response = await self._stub.OpenConnections(station_pb.OpenConnectionsRequest(attempts=items))
        return response.admissions

    async def _close(self, items: list[station_pb.ClosedConnection]) -> Sequence[station_pb.ItemAnswer]:
        response = await self._stub.CloseConnections(station_pb.CloseConnectionsRequest(connections=items))
        return response.answers

    async def _boot(self, items: list[station_pb.BootReport]) -> Sequence[station_pb.BootAnswer]:
        response = await self._stub.ReportBoots(station_pb.ReportBootsRequest(boots=items))
        return response.answers

    async def _report(self, items: list[station_pb.StatusReport]) -> Sequence[station_pb.ItemAnswer]:
        response = await self._stub.ReportStatuses(station_pb.ReportStatusesRequest(statuses=items))
        return response.answers

    async def _record(self, items: list[DeviceEvent]) -> Sequence[station_pb.ItemAnswer]:
        response = await self._stub.RecordDeviceEvents(station_pb.RecordDeviceEventsRequest(events=items))
        return response.answers

    def _failed(self, item: _Reported, error: DomainError) -> None:
        if error.reason == _STALE:
            self._on_stale(item.charge_point_id, item.epoch)


class Journals:
    """The journal of frames in the transaction service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = JournalServiceStub(channel)

    async def append(self, request: journal_pb.AppendBatchesRequest) -> None:
        """Store batches of frames; those that are there already stay as they are. Raises DomainError."""
        try:
            await self._stub.AppendBatches(request)
        except DomainError as error:
            if error.kind is not ErrorKind.UNIMPLEMENTED:
                raise
            await self._stub.AppendMessages(in_rows(request.batches))


class GrpcBackend:
    """Satisfies ports.Backend."""

    def __init__(
        self,
        stations: Stations,
        statuses: Statuses,
        device_events: DeviceEvents,
        decisions: Decisions,
        driver_channel: grpc.aio.Channel,
        transaction_channel: grpc.aio.Channel,
        billing_channel: grpc.aio.Channel,
        clock: Clock,
    ) -> None:
        self.clock = clock
        self._stations = stations
        self._statuses = statuses
        self._device_events = device_events
        self._decisions = decisions
        self._authorization = AuthorizationServiceStub(driver_channel)
        self._recording = RecordingServiceStub(transaction_channel)
        self._billing = BillingServiceStub(billing_channel)
        self._tokens = BatchCall("authorize tokens", self._decide, _token)
        # Others are asked about these, too: the tokens of cards do not wait for that.
        self._placed_tokens = BatchCall("authorize tokens of places", self._decide, _token)
        self._events = BatchCall("record transaction events", self._record, lambda item: item.charge_point_id)

    async def report_boot(self, boot: station_pb.BootReport) -> station_pb.BootAnswer:
        return await self._stations.boots.submit(boot)

    async def report_status(self, status: station_pb.StatusReport) -> None:
        await self._statuses.report(status)

    async def record_device_events(self, events: Sequence[DeviceEvent]) -> None:
        await self._device_events.record(events)

    async def known_variables(self, charge_point_id: str, component: str, text: str) -> Sequence[DeviceVariable]:
        return await self._stations.variables(charge_point_id, component, text)

    async def authorize(self, presentation: authorization_pb.TokenPresentation) -> driver_pb2.TokenDecision:
        if presentation.HasField("time"):
            return (await self._placed_tokens.submit(presentation)).decision
        token = presentation.token.value, presentation.token.type, presentation.tenant_id
        decisions = self._decisions
        decision = decisions.find(token)
        if decision is None:
            asked = decisions.asking()
            decision = (await self._tokens.submit(presentation)).decision
            decisions.keep(token, decision, asked)
        return decision

    async def cost(self, transaction_id: str) -> Money | None:
        request = billing_pb.ListChargingSessionsRequest(transaction_id=transaction_id, page_size=1)
        response = await self._billing.ListChargingSessions(request, timeout=_COST_SECONDS)
        for session in response.charging_sessions:
            return session.cost if session.HasField("cost") else None
        return None

    async def record(self, event: recording_pb.TransactionEvent) -> recording_pb.TransactionEventAnswer:
        return await self._events.submit(event)

    async def record_late_answer(self, request: recording_pb.RecordLateAnswerRequest) -> None:
        """Hand over an answer to a command that nobody waits for any more. Idempotent. Raises DomainError."""
        await self._recording.RecordLateAnswer(request)

    def waiting_seconds(self) -> float:
        """About how long a transaction event that is recorded now waits for its answer."""
        return self._events.waiting_seconds()

    async def close(self) -> None:
        """Finish what waits."""
        await self._tokens.close()
        await self._placed_tokens.close()
        await self._events.close()

    async def _decide(
        self, items: list[authorization_pb.TokenPresentation]
    ) -> Sequence[authorization_pb.AuthorizationAnswer]:
        request = authorization_pb.AuthorizeTokensRequest(presentations=items)
        return (await self._authorization.AuthorizeTokens(request)).answers

    async def _record(
        self, items: list[recording_pb.TransactionEvent]
    ) -> Sequence[recording_pb.TransactionEventAnswer]:
        request = recording_pb.RecordTransactionEventsRequest(events=items)
        return (await self._recording.RecordTransactionEvents(request)).answers


def _charge_point(item: _OfChargePoint) -> str:
    return item.charge_point_id


def _token(item: authorization_pb.TokenPresentation) -> tuple[str, str, str, int, int]:
    token, evse = item.token, item.evse
    return item.charge_point_id, token.value, token.type, evse.evse_id, evse.connector_id


def _connector(status: station_pb.StatusReport) -> tuple[str, int, int]:
    return status.charge_point_id, status.evse.evse_id, status.evse.connector_id
