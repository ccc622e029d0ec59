"""One tenant's transactions, frames, commands and campaigns are not there for another."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from csms.driver.v1.token_pb2 import Token
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import command_campaign_service_pb2 as campaign_pb
from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1.command_campaign_pb2 import ChargePointSelection
from csms.transaction.v1.command_campaign_service_pb2_grpc import CommandCampaignServiceStub
from csms.transaction.v1.command_service_pb2_grpc import CommandServiceStub
from csms.transaction.v1.journal_service_pb2_grpc import JournalServiceStub
from csms.transaction.v1.recording_service_pb2 import FindRemoteStartsRequest, RemoteStartQuery
from csms.transaction.v1.recording_service_pb2_grpc import RecordingServiceStub
from csms.transaction.v1.transaction_service_pb2_grpc import TransactionServiceStub
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.postgres import tenancy
from services.rpc.channels import channel
from services.rpc.protobuf import timestamp
from services.transaction.application.campaign_steps import CampaignSteps
from services.transaction.application.commands import Commands
from services.transaction.application.delivery import Delivery
from services.transaction.application.evidence import PLATFORM, ask_after_boots
from services.transaction.application.missing_events import MissingEvents
from services.transaction.application.silence import Silence
from services.transaction.clients import GrpcChargePoints, GrpcEdge, GrpcFleet
from services.transaction.domain.connector_power import ConnectorPower
from services.transaction.sql.journal_batches import SqlJournalBatches
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.tenants import OTHER, OWNER, Answer, Attempt, Tenants, services_for_people
from tests.contract.services.transaction.conftest import Record, recorder
from tests.contract.services.transaction.platform import Edge, Stations, running_edge
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    STARTED,
    UPDATED,
    event_201,
    minutes,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.background import eventually
from tests.fixtures.events import reported
from tests.fixtures.journal import journal_batch
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES = services_for_people("csms.transaction.v1")
NAME, OFFLINE, TAG = "CP-OF-SOUTH", "CP-OF-SOUTH-2", "SOUTH-CARD"
_CLEAR = command_pb.CommandBody(clear_cache=command_pb.ClearCache())


@dataclass
class World:
    """The transaction service, the real station service and an edge node, and what the owner has there. What the
    service does by the clock is done when a test says so."""

    service: RunningService
    stations: Stations
    edge: Edge
    record: Record
    units: SqlUnitsOfWork
    charge_points: GrpcChargePoints
    steps: CampaignSteps
    delivery: Delivery
    ids: dict[str, str]

    async def commands(self, tenant: str | None) -> CommandServiceStub:
        return CommandServiceStub(await self.service.channel("admin", tenant=tenant))

    async def campaign(self, tenant: str, **fields: Any) -> str:
        """Make a campaign of a tenant; it is only chosen for when somebody takes it further."""
        stub = CommandCampaignServiceStub(await self.service.channel("admin", tenant=tenant))
        request = campaign_pb.CreateCommandCampaignRequest(**{"command": _CLEAR, "commands_per_second": 50, **fields})
        return (await stub.CreateCommandCampaign(request)).campaign.id

    async def campaign_commands(self, tenant: str, campaign_id: str) -> dict[str, command_pb.Command]:
        """The commands of a campaign by charge point, when it is over. It makes none before its pace allows it."""
        stub = CommandCampaignServiceStub(await self.service.channel("admin", tenant=tenant))

        async def is_over() -> bool:
            await self.steps.step()
            await self.delivery.deliver_due()
            await self.delivery.close()
            asked = campaign_pb.GetCommandCampaignRequest(campaign_id=campaign_id)
            return (await stub.GetCommandCampaign(asked)).campaign.HasField("end_time")

        await eventually(is_over)
        made = await stub.ListCampaignCommands(campaign_pb.ListCampaignCommandsRequest(campaign_id=campaign_id))
        return {command.charge_point_id: command for command in made.commands}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(module_services: ServiceRunner) -> AsyncIterator[World]:
    """Two tenants with a charge point each, and the owner with something in every table."""
    tokens = module_services.tokens
    async with running_edge(tokens) as edge:
        stations = await module_services("station")
        service = await module_services("transaction", station_service_url=stations.address)
        known = Stations(stations)
        for name, tenant in ((NAME, OWNER), (OFFLINE, OWNER), ("CP-OF-NORTH", OTHER), ("CP1", None)):
            await known.create(name, tenant=tenant)
        for name in (NAME, "CP-OF-NORTH"):
            await known.connect(name, edge, "ocpp2.0.1")
        async with channel(stations.address, "station", tokens.identity("transaction")) as to_stations:
            clock = SystemClock()
            units = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
            points, to_edge = GrpcChargePoints(to_stations), GrpcEdge(tokens.identity("transaction"))
            delivery = Delivery(units, points, to_edge, clock)
            steps = CampaignSteps(units, GrpcFleet(to_stations), lambda: None, clock)
            world = World(service, known, edge, await recorder(service), units, points, steps, delivery, {})
            async with units() as work:
                await work.connector_powers.note([ConnectorPower(NAME, 1, 1, 22_000, clock.now())])
            await _furnish(world)
            yield world
            await to_edge.close()


async def _furnish(world: World) -> None:
    """Something of the owner in every table."""
    usual: dict[str, Any] = {"charge_point_id": NAME, "tenant_id": OWNER}
    for name, evse_id, id_tag in (("running", 1, TAG), ("ended", 2, "")):
        known = {**usual, "ocpp_transaction_id": f"T-{evse_id}", "evse_id": evse_id}
        begin = event_201(STARTED, minutes(-60), 0, **known, id_tag=id_tag, authorization=ACCEPTED, meter_wh=1000)
        [answer] = await world.record(begin)
        values = [reading(minutes(-50), energy_wh=2000, power_w=7000)]
        # Of the one that ends an event is missing.
        update = event_201(UPDATED, minutes(-50), evse_id, **known, charging_state="Charging", meter_values=values)
        await world.record(update)
        world.ids[name] = answer.transaction_id
    # Two that an end without a number may mean, so that it means none by itself.
    for name, connector_id in (("one", 3), ("other", 4)):
        [answer] = await world.record(start_16(minutes(-40), connector_id=connector_id, id_tag=name, **usual))
        world.ids[name] = answer.transaction_id
    [answer] = await world.record(stop_16("0", minutes(-30), **usual))
    world.ids["orphan"] = answer.transaction_id
    frame = journal_pb.OcppMessage(
        id=new_id(),
        direction=journal_pb.OcppMessage.INBOUND,
        kind=journal_pb.OcppMessage.CALL,
        time=timestamp(datetime.now(UTC)),
        frame='[2,"1","Heartbeat",{}]',
        **usual,
    )
    journal = JournalServiceStub(await world.service.internal_channel("edge"))
    await journal.AppendMessages(journal_pb.AppendMessagesRequest(messages=[frame]))
    await journal.AppendBatches(journal_pb.AppendBatchesRequest(batches=[journal_batch([frame], OWNER)]))
    sorting = SqlJournalBatches(world.service.database, SystemClock())
    assert await sorting.sort() == 1
    await sorting.close()
    commands = await world.commands(OWNER)
    options = service_pb.CommandOptions(queue_while_offline=True, request_id="once")
    made = await commands.ClearCache(service_pb.ClearCacheRequest(charge_point_id=OFFLINE, options=options))
    world.ids["command"] = made.command.id
    world.ids["campaign"] = await world.campaign(OWNER, selection=ChargePointSelection(all=True))
    await world.steps.step()
    transactions = TransactionServiceStub(await world.service.channel("admin", tenant=OWNER))
    await transactions.EndTransaction(
        transaction_pb.EndTransactionRequest(id=world.ids["ended"], reason="gone", request_id="once")
    )
    await MissingEvents(world.units, None, SystemClock(), timedelta()).look()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(world: World) -> Tenants:
    """Both of them."""
    return Tenants(world.service, _attempts(world.ids), [NAME, *world.ids.values()])


def _attempts(ids: dict[str, str]) -> dict[str, Attempt]:
    nothing, running = Answer.NOTHING, ids["running"]
    campaign: dict[str, Any] = {"campaign_id": ids["campaign"]}

    def issue(name: str, **fields: Any) -> Message:
        request: Message = getattr(service_pb, f"{name}Request")(charge_point_id=NAME, **fields)
        return request

    return {
        "TransactionService.ListTransactions": Attempt(transaction_pb.ListTransactionsRequest(), nothing),
        "TransactionService.GetTransaction": Attempt(transaction_pb.GetTransactionRequest(id=running)),
        "TransactionService.ListMeterValues": Attempt(transaction_pb.ListMeterValuesRequest(id=running)),
        "TransactionService.ListChargingStates": Attempt(transaction_pb.ListChargingStatesRequest(id=running)),
        "TransactionService.BatchGetChargingStates": Attempt(
            transaction_pb.BatchGetChargingStatesRequest(ids=[running]), nothing
        ),
        "TransactionService.ReplayOrphan": Attempt(transaction_pb.ReplayOrphanRequest(id=ids["orphan"])),
        "TransactionService.AssignOrphan": Attempt(
            transaction_pb.AssignOrphanRequest(id=ids["orphan"], transaction_id=ids["one"])
        ),
        "JournalService.ListMessages": Attempt(journal_pb.ListMessagesRequest(charge_point_id=NAME), nothing),
        "CommandService.ListCommands": Attempt(service_pb.ListCommandsRequest(charge_point_id=OFFLINE), nothing),
        "CommandService.GetCommand": Attempt(service_pb.GetCommandRequest(command_id=ids["command"])),
        "CommandService.CancelCommand": Attempt(service_pb.CancelCommandRequest(command_id=ids["command"])),
        "CommandService.CreateCommand": Attempt(issue("CreateCommand", command=_CLEAR)),
        "CommandService.RemoteStart": Attempt(issue("RemoteStart", id_tag="A", connector_id=1)),
        "CommandService.RemoteStop": Attempt(issue("RemoteStop", transaction_id=running)),
        "CommandService.ResetChargePoint": Attempt(issue("ResetChargePoint", type=command_pb.Reset.SOFT)),
        "CommandService.UnlockConnector": Attempt(issue("UnlockConnector", connector_id=1)),
        "CommandService.ChangeAvailability": Attempt(
            issue("ChangeAvailability", availability=Connector.OPERATIVE, connector_id=1)
        ),
        "CommandService.GetConfiguration": Attempt(issue("GetConfiguration")),
        "CommandService.GetBaseReport": Attempt(issue("GetBaseReport", base=command_pb.GetBaseReport.FULL_INVENTORY)),
        "CommandService.GetReport": Attempt(issue("GetReport", component_criteria=[command_pb.GetReport.PROBLEM])),
        "CommandService.ChangeConfiguration": Attempt(issue("ChangeConfiguration", key="K", value="V")),
        "CommandService.RotatePassword": Attempt(issue("RotatePassword", password="sixteen characters or more")),
        "CommandService.TriggerMessage": Attempt(issue("TriggerMessage", message="Heartbeat")),
        "CommandService.ClearCache": Attempt(issue("ClearCache")),
        "CommandService.GetTransactionStatus": Attempt(issue("GetTransactionStatus", transaction_id=running)),
        "CommandService.SendDataTransfer": Attempt(issue("SendDataTransfer", vendor_id="V")),
        "CommandCampaignService.CreateCommandCampaign": Attempt(
            campaign_pb.CreateCommandCampaignRequest(command=_CLEAR, selection=ChargePointSelection(all=True)),
            Answer.OWN,
        ),
        "CommandCampaignService.GetCommandCampaign": Attempt(campaign_pb.GetCommandCampaignRequest(**campaign)),
        "CommandCampaignService.ListCommandCampaigns": Attempt(campaign_pb.ListCommandCampaignsRequest(), nothing),
        "CommandCampaignService.ListCampaignCommands": Attempt(campaign_pb.ListCampaignCommandsRequest(**campaign)),
        "CommandCampaignService.PauseCommandCampaign": Attempt(campaign_pb.PauseCommandCampaignRequest(**campaign)),
        "CommandCampaignService.ResumeCommandCampaign": Attempt(campaign_pb.ResumeCommandCampaignRequest(**campaign)),
        "CommandCampaignService.CancelCommandCampaign": Attempt(campaign_pb.CancelCommandCampaignRequest(**campaign)),
        "TransactionService.EndTransaction": Attempt(
            transaction_pb.EndTransactionRequest(id=running, reason="gone", request_id="once more")
        ),
    }


async def test_every_rpc_has_its_attempt(tenants: Tenants) -> None:
    tenants.check_none_is_forgotten(*SERVICES)


async def test_another_tenant_reads_and_changes_nothing(tenants: Tenants) -> None:
    await tenants.check_a_stranger_gets_nothing(*SERVICES)


async def test_in_every_table_there_is_something_that_its_owner_alone_sees(world: World) -> None:
    url = str(world.service.settings.database_url)
    protected = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity"
    with psycopg.connect(url) as connection:
        tables = [name for (name,) in connection.execute(protected).fetchall()]
    seen = {}
    with psycopg.connect(url, options=tenancy.CONNECTION_OPTIONS) as connection:
        for tenant in (OWNER, OTHER, "default"):
            connection.execute("SELECT set_config(%s, %s, false)", [tenancy.SETTING, tenant])
            counts = {name: connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() for name in tables}
            seen[tenant] = {name for name, (count,) in counts.items() if count}  # type: ignore[misc]

    assert len(tables) == 13
    # The other one may have made campaigns of its own.
    assert seen[OWNER] == set(tables)
    assert seen[OTHER] <= {"command_campaigns"}
    assert seen["default"] == set()


async def test_the_default_tenant_is_another_one_too(world: World) -> None:
    found = TransactionServiceStub(await world.service.channel("admin"))
    assert not (await found.ListTransactions(transaction_pb.ListTransactionsRequest())).transactions


async def test_the_platform_is_told_whose_a_transaction_is(world: World) -> None:
    """Whoever compares his copies: services that ask for nobody in particular."""
    stub = TransactionServiceStub(await world.service.internal_channel("billing"))
    found = (
        await stub.ListTransactions(transaction_pb.ListTransactionsRequest(ids=[world.ids["running"]]))
    ).transactions
    assert [one.tenant_id for one in found] == [OWNER]


async def test_events_name_the_tenant_of_what_they_tell(world: World) -> None:
    changes = await reported(world.service.database, "csms.event.transaction.", NAME)
    assert {event.WhichOneof("payload") for event in changes} == {"transaction_changed", "command_changed"}
    assert {event.tenant_id for event in changes} == {OWNER}


async def test_a_card_is_not_in_use_where_another_tenant_has_one_of_its_value(world: World) -> None:
    whose = {"charge_point_id": "CP-OF-NORTH", "tenant_id": OTHER}
    start = event_201(STARTED, minutes(-5), 0, **whose, ocpp_transaction_id="N-1", id_tag=TAG, authorization=ACCEPTED)
    [answer] = await world.record(start)
    assert answer.authorization == ACCEPTED


async def test_a_campaign_is_for_charge_points_of_its_tenant(world: World) -> None:
    world.edge.delivered.clear()
    commands = await world.campaign_commands(
        OTHER, await world.campaign(OTHER, selection=ChargePointSelection(all=True))
    )
    assert {name: one.state for name, one in commands.items()} == {"CP-OF-NORTH": command_pb.Command.ACCEPTED}
    assert "CP-OF-NORTH" in {request.charge_point_id for request in world.edge.delivered}


async def test_who_names_charge_points_of_another_tenant_reaches_none(world: World) -> None:
    """Nor does it make a token good there that nobody has."""
    start = command_pb.CommandBody(remote_start=command_pb.RemoteStart(id_tag="MADE-UP", token_type="Central"))
    selection = ChargePointSelection(charge_point_ids=[NAME])
    world.edge.delivered.clear()
    commands = await world.campaign_commands(OTHER, await world.campaign(OTHER, command=start, selection=selection))
    [command] = commands.values()
    assert (command.state, command.error.split(":")[0]) == (command_pb.Command.FAILED, "CHARGE_POINT_NOT_FOUND")
    assert "remote_start" not in {request.body.WhichOneof("body") for request in world.edge.delivered}
    driver = RecordingServiceStub(await world.service.internal_channel("driver"))
    queries = [
        RemoteStartQuery(
            charge_point_id=NAME,
            token=Token(value="MADE-UP", type="Central"),
            time=timestamp(datetime.now(UTC)),
            tenant_id=OWNER,
        )
    ]
    found = await driver.FindRemoteStarts(FindRemoteStartsRequest(queries=queries))
    assert [answer.started for answer in found.answers] == [False]


async def test_what_the_platform_asks_of_a_charge_point_is_asked_in_the_name_of_its_tenant(world: World) -> None:
    """After a boot, and of a transaction of which nothing is heard."""
    units, clock = world.units, SystemClock()
    async with units() as work:
        await ask_after_boots(work, {NAME: clock.now() + timedelta(seconds=1)}, clock.now())
    long_ago = minutes(-3000)
    usual: dict[str, Any] = {"charge_point_id": NAME, "tenant_id": OWNER, "ocpp_transaction_id": "T-5", "evse_id": 5}
    await world.record(event_201(STARTED, long_ago, 0, received_time=long_ago, **usual))
    commands = Commands(units, world.charge_points, world.delivery, clock)
    assert await Silence(units, commands, clock, timedelta(days=2)).look() == 1
    request = service_pb.ListCommandsRequest(charge_point_id=NAME)
    asked = (await (await world.commands(OWNER)).ListCommands(request)).commands
    questions = [(one.requested_by, one.state) for one in asked if one.kind == "get_transaction_status"]
    assert questions == [(PLATFORM, command_pb.Command.ACCEPTED), (PLATFORM, command_pb.Command.QUEUED)]


async def test_the_owner_gets_what_is_his(tenants: Tenants) -> None:
    """The last of all: it ends things."""
    await tenants.check_the_owner_gets_it(*SERVICES)
