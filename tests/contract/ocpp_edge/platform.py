"""The services behind the edge, of a few lines each, on the generated bases and behind the real interceptors.

They accept, number and remember; `down` names RPCs that fail.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import authorization_service_pb2_grpc as authorization_grpc
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1 import connectivity_service_pb2 as station_pb
from csms.station.v1 import connectivity_service_pb2_grpc as station_grpc
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1 import device_model_service_pb2_grpc as model_grpc
from csms.station.v1.charge_point_pb2 import ChargePoint, Connection
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable
from csms.station.v1.quirk_pb2 import QuirkProfile
from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import journal_service_pb2_grpc as journal_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.backend.journal_rows import in_rows
from services.kernel.errors import DomainError, ErrorKind, conflict, not_found, unavailable
from services.kernel.tenancy import current_tenant
from services.rpc import server
from services.rpc.status import item_error
from tests.fixtures.tokens import Tokens

Context = grpc.aio.ServicerContext[Any, Any]


class Platform:
    """What the services were told, and what they shall say."""

    def __init__(self) -> None:
        # Where each service answers, by its name.
        self.addresses: dict[str, str] = {}
        self.down: set[str] = set()
        # RPCs that do not answer until the event is set.
        self.held: dict[str, asyncio.Event] = {}
        self.unknown: set[str] = set()
        self.passwords: dict[str, bytes] = {}
        self.states: dict[str, ChargePoint.State.ValueType] = {}
        self.tokens = {"CARD": TokenDecision.ACCEPTED, "LOST": TokenDecision.BLOCKED}
        # Charge points where sessions begin without a token.
        self.free: set[str] = set()
        self.connections: dict[str, Connection] = {}
        self.closed: list[tuple[str, int]] = []
        self.boots: list[station_pb.BootReport] = []
        self.statuses: list[station_pb.StatusReport] = []
        self.device_events: list[DeviceEvent] = []
        # What is known of the variables of charge points.
        self.variables: dict[str, list[DeviceVariable]] = {}
        self.sightings: list[station_pb.Sighting] = []
        self.leases: list[str] = []
        self.refusals: list[station_pb.RefusedHandshakes] = []
        self.pins: dict[str, str] = {}
        # Whose charge points are, where not the default tenant's; and for whom what is stored was sent.
        self.owners: dict[str, str] = {}
        self.stored_for: set[str | None] = set()
        # What is known of charge points from their last boot, with what was switched for them.
        self.profiles: dict[str, QuirkProfile] = {}
        # How many attempts were decided about.
        self.knocks = 0
        self.superseded: list[str] = []
        self.events: list[recording_pb.TransactionEvent] = []
        self.late_answers: list[recording_pb.RecordLateAnswerRequest] = []
        self.numbers: dict[tuple[str, int, str, str, int], str] = {}
        self.frames: dict[str, journal_pb.OcppMessage] = {}
        # Unlike a transaction service of a release before 0.3.0.
        self.knows_batches = True
        self.epoch = 0
        # How many tokens had to be decided about.
        self.asked = 0

    def check(self, rpc: str) -> None:
        if rpc in self.down:
            raise unavailable(f"{rpc} is down")

    async def answers(self, rpc: str) -> None:
        """Returns when the RPC may go on. Raises DomainError when it is down."""
        self.check(rpc)
        if rpc in self.held:
            await self.held[rpc].wait()

    def stale(self, charge_point_id: str, epoch: int) -> DomainError | None:
        current = self.connections.get(charge_point_id)
        return None if current is not None and current.epoch == epoch else conflict("STALE_EPOCH", "stale")

    def is_for_caller(self, connection: Connection) -> bool:
        """Whether who calls may see a connection; as PostgreSQL would say."""
        return current_tenant() in (None, self.owners.get(connection.charge_point_id, "default"))

    def journal(self, charge_point_id: str) -> list[tuple[str, str, str, str]]:
        """Direction, kind, kind of the answer and action of the frames of a charge point, in order."""
        frames = sorted(self.frames.values(), key=lambda frame: frame.id)
        return [
            (
                journal_pb.OcppMessage.Direction.Name(frame.direction),
                journal_pb.OcppMessage.Kind.Name(frame.kind),
                journal_pb.OcppMessage.Kind.Name(frame.answer_kind),
                frame.action,
            )
            for frame in frames
            if frame.charge_point_id == charge_point_id
        ]


class _Connectivity(station_grpc.ConnectivityServiceServicer):
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def OpenConnections(
        self, request: station_pb.OpenConnectionsRequest, context: Context
    ) -> station_pb.OpenConnectionsResponse:
        self._platform.check("OpenConnections")
        return station_pb.OpenConnectionsResponse(admissions=[self._admit(attempt) for attempt in request.attempts])

    def _admit(self, attempt: station_pb.ConnectionAttempt) -> station_pb.ConnectionAdmission:
        platform, identity = self._platform, attempt.charge_point_id
        platform.knocks += 1
        if identity in platform.unknown:
            return station_pb.ConnectionAdmission(error=item_error(not_found("charge point", identity)))
        if platform.passwords.get(identity, attempt.password) != attempt.password:
            wrong = item_error(conflict("INVALID_CREDENTIALS", "wrong"))
            return station_pb.ConnectionAdmission(error=wrong)
        pin = platform.pins.get(identity, "")
        if pin and pin not in attempt.offered_protocols:
            error = DomainError(
                ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", "pinned", {"rule": "PINNED_PROTOCOL_NOT_OFFERED"}
            )
            return station_pb.ConnectionAdmission(error=item_error(error))
        platform.epoch += 1
        platform.connections[identity] = Connection(
            charge_point_id=identity,
            epoch=platform.epoch,
            protocol=attempt.protocol,
            node=attempt.node,
            node_address=attempt.node_address,
            remote_address=attempt.remote_address,
        )
        state = platform.states.get(identity, ChargePoint.ACCEPTED)
        return station_pb.ConnectionAdmission(
            epoch=platform.epoch,
            state=state,
            heartbeat_interval_seconds=60,
            station_id="station",
            protocol=pin,
            quirk_profile=platform.profiles.get(identity),
            tenant_id=platform.owners.get(identity, "default"),
        )

    async def CloseConnections(
        self, request: station_pb.CloseConnectionsRequest, context: Context
    ) -> station_pb.CloseConnectionsResponse:
        answers = []
        self._platform.stored_for.add(current_tenant())
        for closed in request.connections:
            error = self._platform.stale(closed.charge_point_id, closed.epoch)
            if error is None:
                del self._platform.connections[closed.charge_point_id]
                self._platform.closed.append((closed.charge_point_id, closed.epoch))
            answers.append(_item_answer(error))
        return station_pb.CloseConnectionsResponse(answers=answers)

    async def ReportBoots(
        self, request: station_pb.ReportBootsRequest, context: Context
    ) -> station_pb.ReportBootsResponse:
        platform = self._platform
        platform.check("ReportBoots")
        answers = []
        for boot in request.boots:
            error = platform.stale(boot.charge_point_id, boot.epoch)
            platform.boots.append(boot)
            state = platform.states.get(boot.charge_point_id, ChargePoint.ACCEPTED)
            answers.append(
                station_pb.BootAnswer(error=item_error(error))
                if error
                else station_pb.BootAnswer(
                    state=state, interval_seconds=120, quirk_profile=platform.profiles.get(boot.charge_point_id)
                )
            )
        return station_pb.ReportBootsResponse(answers=answers)

    async def ReportStatuses(
        self, request: station_pb.ReportStatusesRequest, context: Context
    ) -> station_pb.ReportStatusesResponse:
        platform = self._platform
        platform.check("ReportStatuses")
        platform.statuses += request.statuses
        stale = [platform.stale(status.charge_point_id, status.epoch) for status in request.statuses]
        return station_pb.ReportStatusesResponse(answers=map(_item_answer, stale))

    async def RecordDeviceEvents(
        self, request: station_pb.RecordDeviceEventsRequest, context: Context
    ) -> station_pb.RecordDeviceEventsResponse:
        self._platform.check("RecordDeviceEvents")
        self._platform.device_events += request.events
        self._platform.stored_for.add(current_tenant())
        return station_pb.RecordDeviceEventsResponse(answers=[station_pb.ItemAnswer()] * len(request.events))

    async def ReportRefusals(
        self, request: station_pb.ReportRefusalsRequest, context: Context
    ) -> station_pb.ReportRefusalsResponse:
        self._platform.check("ReportRefusals")
        self._platform.refusals += request.refusals
        return station_pb.ReportRefusalsResponse()

    async def ReportLiveness(
        self, request: station_pb.ReportLivenessRequest, context: Context
    ) -> station_pb.ReportLivenessResponse:
        self._platform.check("ReportLiveness")
        self._platform.leases.append(request.node)
        self._platform.sightings += request.sightings
        return station_pb.ReportLivenessResponse(superseded_charge_point_ids=self._platform.superseded)

    async def FindConnection(
        self, request: station_pb.FindConnectionRequest, context: Context
    ) -> station_pb.FindConnectionResponse:
        connection = self._platform.connections.get(request.charge_point_id)
        if connection is None or not self._platform.is_for_caller(connection):
            raise not_found("connection", request.charge_point_id)
        return station_pb.FindConnectionResponse(connection=connection)

    async def ListConnections(
        self, request: station_pb.ListConnectionsRequest, context: Context
    ) -> station_pb.ListConnectionsResponse:
        connections = list(filter(self._platform.is_for_caller, self._platform.connections.values()))
        return station_pb.ListConnectionsResponse(
            connections=connections[: request.page_size], next_page_token="more", total_size=len(connections)
        )


class _Authorization(authorization_grpc.AuthorizationServiceServicer):
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def AuthorizeTokens(
        self, request: authorization_pb.AuthorizeTokensRequest, context: Context
    ) -> authorization_pb.AuthorizeTokensResponse:
        self._platform.check("AuthorizeTokens")
        self._platform.asked += len(request.presentations)
        return authorization_pb.AuthorizeTokensResponse(
            answers=[authorization_pb.AuthorizationAnswer(decision=self._decide(one)) for one in request.presentations]
        )

    def _decide(self, shown: authorization_pb.TokenPresentation) -> TokenDecision:
        if shown.token.type == "NoAuthorization":
            is_free = shown.charge_point_id in self._platform.free
            status = TokenDecision.ACCEPTED if is_free else TokenDecision.INVALID
            reason = TokenDecision.FREE_VENDING if is_free else TokenDecision.FREE_VENDING_NOT_ALLOWED
            return TokenDecision(status=status, reason_code=reason)
        known = self._platform.tokens.get(shown.token.value)
        if known is None:
            return TokenDecision(status=TokenDecision.INVALID, reason_code=TokenDecision.UNKNOWN_TOKEN)
        return TokenDecision(status=known, driver_id="driver")


class _DeviceModel(model_grpc.DeviceModelServiceServicer):
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def ListDeviceVariables(
        self, request: model_pb.ListDeviceVariablesRequest, context: Context
    ) -> model_pb.ListDeviceVariablesResponse:
        self._platform.check("ListDeviceVariables")
        reported = self._platform.variables.get(request.charge_point_id, ())
        expected = request.text.lower()
        found = [
            one for one in reported if one.component.name == request.component and expected in one.variable.name.lower()
        ]
        return model_pb.ListDeviceVariablesResponse(variables=found)


class _Recording(recording_grpc.RecordingServiceServicer):
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def RecordLateAnswer(
        self, request: recording_pb.RecordLateAnswerRequest, context: Context
    ) -> recording_pb.RecordLateAnswerResponse:
        await self._platform.answers("RecordLateAnswer")
        self._platform.late_answers.append(request)
        return recording_pb.RecordLateAnswerResponse()

    async def RecordTransactionEvents(
        self, request: recording_pb.RecordTransactionEventsRequest, context: Context
    ) -> recording_pb.RecordTransactionEventsResponse:
        await self._platform.answers("RecordTransactionEvents")
        self._platform.stored_for.add(current_tenant())
        return recording_pb.RecordTransactionEventsResponse(answers=[self._record(event) for event in request.events])

    def _record(self, event: recording_pb.TransactionEvent) -> recording_pb.TransactionEventAnswer:
        platform = self._platform
        platform.events.append(event)
        number = event.ocpp_transaction_id
        if event.kind == recording_pb.TransactionEvent.STARTED and not number:
            time = event.device_time.ToJsonString()
            key = (event.charge_point_id, event.evse.connector_id, event.token.value, time, event.meter_wh)
            number = platform.numbers.setdefault(key, str(1000 + len(platform.numbers)))
        authorization = event.authorization
        if number.endswith("9"):
            authorization = Transaction.CONCURRENT_TX
        return recording_pb.TransactionEventAnswer(
            transaction_id=number, ocpp_transaction_id=number, authorization=authorization
        )


class _Journal(journal_grpc.JournalServiceServicer):
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def ListMessages(
        self, request: journal_pb.ListMessagesRequest, context: Context
    ) -> journal_pb.ListMessagesResponse:
        frames = [one for one in self._platform.frames.values() if one.charge_point_id == request.charge_point_id]
        return journal_pb.ListMessagesResponse(messages=frames, total_size=len(frames))

    async def AppendMessages(
        self, request: journal_pb.AppendMessagesRequest, context: Context
    ) -> journal_pb.AppendMessagesResponse:
        self._platform.check("AppendMessages")
        self._platform.frames.update({message.id: message for message in request.messages})
        return journal_pb.AppendMessagesResponse()

    async def AppendBatches(
        self, request: journal_pb.AppendBatchesRequest, context: Context
    ) -> journal_pb.AppendBatchesResponse:
        if not self._platform.knows_batches:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        self._platform.check("AppendBatches")
        self._platform.frames.update({message.id: message for message in in_rows(request.batches).messages})
        return journal_pb.AppendBatchesResponse()


def _item_answer(error: DomainError | None) -> station_pb.ItemAnswer:
    return station_pb.ItemAnswer(error=item_error(error) if error else None)


@asynccontextmanager
async def running_platform(tokens: Tokens) -> AsyncIterator[Platform]:
    """All services that the edge knows."""
    platform = Platform()

    # The edge does not ask for more.
    connectivity = _Connectivity(platform)  # type: ignore[abstract]
    recording = _Recording(platform)  # type: ignore[abstract]
    device_model = _DeviceModel(platform)  # type: ignore[abstract]

    def station(grpc_server: grpc.aio.Server) -> None:
        station_grpc.add_ConnectivityServiceServicer_to_server(connectivity, grpc_server)
        model_grpc.add_DeviceModelServiceServicer_to_server(device_model, grpc_server)

    def driver(grpc_server: grpc.aio.Server) -> None:
        authorization_grpc.add_AuthorizationServiceServicer_to_server(_Authorization(platform), grpc_server)

    def transaction(grpc_server: grpc.aio.Server) -> None:
        recording_grpc.add_RecordingServiceServicer_to_server(recording, grpc_server)
        journal_grpc.add_JournalServiceServicer_to_server(_Journal(platform), grpc_server)

    async with AsyncExitStack() as stack:
        for name, register in (("station", station), ("driver", driver), ("transaction", transaction)):
            running = server.running_server(name, tokens.settings(name), register=register)
            port, _ = await stack.enter_async_context(running)
            platform.addresses[name] = f"127.0.0.1:{port}"
        yield platform
