"""Every message that is handled, over real sockets, by an edge node before the real station and transaction services:
what its effect declares is in their rows, and published."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import orjson
import pytest
from sqlalchemy import text

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1.command_pb2 import Command, CommandBody
from csms.transaction.v1.command_service_pb2_grpc import CommandServiceStub
from ocpp_edge.effects import Effect
from ocpp_edge.rpc.schemas import load
from ocpp_edge.versions import Version
from services.kernel.ids import new_id
from services.postgres.database import Database
from services.station.domain.file_job import FileJobKind, begun
from services.station.sql.file_jobs import SqlFileJobRepository
from services.station.tables import METADATA as STATION_TABLES
from stack.coverage_page import effects_of_calls, effects_of_messages
from tests.contract.ocpp_edge.messages import COMMANDED, NOW, REPORTED, RUNNING, TOKEN, Commanded, Reported, stamp_of
from tests.contract.ocpp_edge.node import Charger, Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.services.transaction.platform import Stations
from tests.fixtures.background import eventually
from tests.fixtures.events import relayed, reported
from tests.fixtures.journal import journalled
from tests.fixtures.services import RunningService, ServiceRunner

_QUESTION = "csms.driver.v1.AuthorizationService/AuthorizeTokens"
_numbers = count(1)
# Notifications about file jobs.
_JOBS = {
    "DiagnosticsStatusNotification": FileJobKind.GET_LOG,
    "FirmwareStatusNotification": FileJobKind.UPDATE_FIRMWARE,
    "LogStatusNotification": FileJobKind.GET_LOG,
    "PublishFirmwareStatusNotification": FileJobKind.PUBLISH_FIRMWARE,
    "SignedFirmwareStatusNotification": FileJobKind.UPDATE_FIRMWARE,
}


class World(NamedTuple):
    """The node, and what is behind it; tokens are decided about by a service of a few lines."""

    node: Node
    platform: Platform
    station: RunningService
    transaction: RunningService

    @asynccontextmanager
    async def charge_point(self, version: Version) -> AsyncIterator[tuple[Charger, "Words"]]:
        """One that nobody has heard of yet, with a token that is good."""
        number = next(_numbers)
        words = Words(f"EFFECT-{number}", f"CARD{number}")
        self.platform.tokens[words.token] = TokenDecision.ACCEPTED
        await Stations(self.station).create(words.identity)
        async with self.node.charger(words.identity, version) as charger:
            yield charger, words

    async def lacks(self, words: "Words", found: Mapping[str, Any]) -> list[str]:
        """The columns that do not come to hold what they should within the time."""
        lacking = dict(found)

        async def all_found() -> bool:
            for column, wanted in list(lacking.items()):
                if any(_is(wanted, value) for value in await self._values(words.identity, column)):
                    del lacking[column]
            return not lacking

        try:
            await eventually(all_found)
        except TimeoutError:
            return [f"{column}: {await self._values(words.identity, column)}" for column in lacking]
        return []

    async def _values(self, identity: str, column: str) -> list[Any]:
        table, _, name = column.partition(".")
        if table == "journal_batches":
            return [one.frame + one.answer for one in await journalled(self.transaction.database, identity)]
        database = (self.station if table in STATION_TABLES.tables else self.transaction).database
        key = "id" if table == "charge_points" else "charge_point_id"
        return await _column(database, f"SELECT {name} FROM {table} WHERE {key} = :identity", identity)


class Words:
    """What stands for the transaction that runs, the token and the moment, in the words of one charge point."""

    def __init__(self, identity: str, token: str) -> None:
        self.identity, self.token = identity, token
        self.running: Any = f"T-{identity}"

    def put(self, payload: Any) -> Any:
        if isinstance(payload, dict):
            return {name: self.put(value) for name, value in payload.items()}
        if isinstance(payload, list):
            return [self.put(value) for value in payload]
        if not isinstance(payload, str):
            return payload
        return {TOKEN: self.token, RUNNING: self.running, NOW: stamp_of(datetime.now(UTC))}.get(payload, payload)

    async def send(self, charger: Charger, action: str, payload: Any) -> None:
        answer = await charger.ask(action, self.put(payload))
        self.running = answer.get("transactionId", self.running)


@pytest.fixture
async def start(run_service: ServiceRunner, platform: Platform, start_node: Starter) -> Callable[..., Any]:
    async def started(*, background: bool) -> World:
        station = await run_service("station", background=background, ocpp_ask_inventory=False)
        transaction = await run_service("transaction", background=background, station_service_url=station.address)
        platform.addresses |= {"station": station.address, "transaction": transaction.address}
        # The shortest lease: sightings are reported six times in it.
        return World(await start_node(ocpp_node_lease_seconds=5), platform, station, transaction)

    return started


@pytest.mark.effect(
    "1.6",
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
)
@pytest.mark.effect(
    ("2.0.1", "2.1"),
    "Authorize",
    "BootNotification",
    "ClearedChargingLimit",
    "DataTransfer",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
    "StatusNotification",
    "TransactionEvent",
)
@pytest.mark.effect("2.1", "NotifyPeriodicEventStream")
async def test_what_a_charge_point_reports_is_in_the_rows(
    start: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    world: World = await start(background=False)
    lacking = {}
    for version, messages in REPORTED.items():
        effects = effects_of_messages(version)
        assert {one.action for one in messages} == _marked(request, "effect", version)
        for one in messages:
            effect = effects[one.action]
            assert effect is not None, one.action
            lacking[version, one.action] = await _lacks_of_message(world, version, one, effect)
    wrong = [f"{message}: {lacks}" for message, lacks in lacking.items() if lacks]
    assert not wrong, "\n".join(wrong)


async def _lacks_of_message(world: World, version: Version, message: Reported, effect: Effect) -> list[str]:
    asked = world.platform.asked
    async with world.charge_point(version) as (charger, words):
        for action, payload in message.before:
            await words.send(charger, action, payload)
        if message.action in _JOBS:
            await _begin_job(world, words, _JOBS[message.action], message.payload.get("requestId", 1))
        if message.action in load(version).responses:
            await words.send(charger, message.action, message.payload)
        else:
            await charger.socket.send(orjson.dumps([6, "s", message.action, message.payload]), text=True)
        lacks = await world.lacks(words, {name: words.put(message.found.get(name, _missing)) for name in effect.rows})
        if message.action == "Heartbeat":
            lacks += await _not_seen_again(world, words, charger)
    if _QUESTION in effect.questions and world.platform.asked == asked:
        lacks.append("nobody was asked about the token")
    databases = (world.station.database, world.transaction.database)
    for kind in effect.events:
        if not [event for database in databases for event in await reported(database, kind, words.identity)]:
            lacks.append(f"{kind} was not published")
    return lacks


async def _begin_job(world: World, words: Words, kind: FileJobKind, request_id: int) -> None:
    """What the message is about goes on already: numbers of jobs follow from their commands, which it does not know."""
    now = datetime.now(UTC)
    job = replace(begun(new_id(), words.identity, kind, now, timedelta(days=1), now), request_id=request_id)
    async with world.station.database.transaction() as connection:
        await SqlFileJobRepository(connection).add(job)


async def _not_seen_again(world: World, words: Words, charger: Charger) -> list[str]:
    """A column that is set from the beginning: it moves when a heartbeat comes."""
    query = "SELECT last_seen_time FROM connections WHERE charge_point_id = :identity"
    values: list[datetime] = await _column(world.station.database, query, words.identity)
    await charger.ask("Heartbeat", {})

    def later(time: datetime) -> bool:
        return time > max(values)

    return await world.lacks(words, {"connections.last_seen_time": later})


@pytest.mark.effect_of_call(
    "1.6",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "DataTransfer",
    "ExtendedTriggerMessage",
    "GetConfiguration",
    "GetDiagnostics",
    "GetLog",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "Reset",
    "SignedUpdateFirmware",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
)
@pytest.mark.effect_of_call(
    ("2.0.1", "2.1"),
    "ChangeAvailability",
    "ClearCache",
    "ClearVariableMonitoring",
    "CostUpdated",
    "DataTransfer",
    "GetBaseReport",
    "GetMonitoringReport",
    "GetLog",
    "GetReport",
    "GetTransactionStatus",
    "GetVariables",
    "PublishFirmware",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "Reset",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetVariableMonitoring",
    "SetVariables",
    "TriggerMessage",
    "UnlockConnector",
    "UnpublishFirmware",
    "UpdateFirmware",
)
async def test_what_a_command_brings_about_is_in_the_rows(
    start: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    world: World = await start(background=True)
    commands = CommandServiceStub(await world.transaction.channel())
    lacking, identities = {}, set()
    for version, commanded in COMMANDED.items():
        effects = effects_of_calls(version)
        # The password is changed by a command that is made in another way only, and tested where it is used to connect.
        assert {next(iter(one.body)) for one in commanded} == effects.keys() - {"rotate_password"}
        assert {one.action for one in commanded} == _marked(request, "effect_of_call", version)
        for one in commanded:
            kind = next(iter(one.body))
            async with world.charge_point(version) as (charger, words):
                lacks = await _lacks_of_command(world, commands, charger, words, one, effects[kind][one.action])
                lacking[version, kind, one.action] = lacks
                identities.add(words.identity)

    async def all_told() -> bool:
        news = [event.command_changed for events in await relayed(world.transaction.bus) for event in events]
        return identities <= {one.charge_point_id for one in news}

    await eventually(all_told)
    wrong = [f"{message}: {lacks}" for message, lacks in lacking.items() if lacks]
    assert not wrong, "\n".join(wrong)


async def _lacks_of_command(
    world: World, commands: CommandServiceStub, charger: Charger, words: Words, one: Commanded, effect: Effect
) -> list[str]:
    for action, payload in one.before:
        await words.send(charger, action, payload)
    body = words.put(one.body)
    if "remote_stop" in body:
        body["remote_stop"]["ocpp_transaction_id"] = str(words.running)
    request = service_pb.CreateCommandRequest(charge_point_id=words.identity, command=CommandBody(**body))
    creating = asyncio.ensure_future(commands.CreateCommand(request))
    await charger.answer(one.answer, one.action)
    command: Command = (await creating).command
    for action, payload in one.after:
        await words.send(charger, action, payload)
    found = {**one.found, "commands.state": one.state, "commands.answer": one.answer}
    lacks = await world.lacks(words, {name: words.put(found.get(name, _missing)) for name in effect.rows})
    for column in ("device_reports.command_id", "monitoring_reports.command_id"):
        if column in effect.rows:
            lacks += await world.lacks(words, {column: _is_id(command.id)})
    return lacks


def _is_id(wanted: str) -> Callable[[object], bool]:
    return lambda value: str(value) == wanted


def _missing(_value: object) -> bool:
    """No value was given for a column that an effect names."""
    return False


def _is(wanted: Any, value: Any) -> bool:
    return bool(value is not None and wanted(value)) if callable(wanted) else bool(value == wanted)


def _marked(request: pytest.FixtureRequest, mark: str, version: Version) -> set[str]:
    """What the test is marked with: it has to look at just that."""
    marks = (one.args for one in request.node.iter_markers(mark))
    return {name for versions, *names in marks for name in names if version in (versions, *versions)}


async def _column(database: Database, query: str, identity: str) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(text(query), {"identity": identity})).scalars())
