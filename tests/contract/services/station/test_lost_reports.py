"""A report of which some was lost is shown as such, and asked for once more by the command that had asked for it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_model_service_pb2_grpc import DeviceModelServiceStub
from csms.station.v1.device_variable_pb2 import DeviceReport
from csms.station.v1.quirk_pb2 import QuirkSwitch
from csms.transaction.v1.command_pb2 import Command, CommandBody, GetReport
from csms.transaction.v1.variable_monitoring_pb2 import GetMonitoringReport
from services.kernel.clock import FixedClock
from services.kernel.errors import unavailable
from services.kernel.quirks.asking import NOTHING_UNASKED
from services.messaging.outbox import OutboxRelay
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity
from services.station.application.lost_reports import LostReports
from services.station.clients import GrpcCommands
from services.station.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.station import test_device_monitors as of_monitors
from tests.contract.services.station.callers import close_all, create_point, open_one
from tests.contract.services.station.test_device_variables import NOW, asked, part, record, variable
from tests.contract.services.station.transactions import Platform
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = CommandBody(get_report=GetReport(component_criteria=[GetReport.PROBLEM]))


class Asking:
    """A replica that asks, at a time of its own."""

    def __init__(self, service: RunningService, commands: GrpcCommands, platform: Platform) -> None:
        self.clock = FixedClock(NOW)
        units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), self.clock)
        self._lost = LostReports(units_of_work, commands, self.clock)
        self._platform = platform

    async def at(self, seconds: float) -> None:
        """Ask for all that is lost by then."""
        self.clock.advance(NOW + timedelta(seconds=seconds) - self.clock.now())
        while await self._lost.ask_some():
            pass

    def made_for(self, name: str) -> list[Command]:
        """The commands that were made anew."""
        return [command for command in self._platform.created.values() if command.charge_point_id == name]


@pytest_asyncio.fixture(loop_scope="module")
async def asking(service: RunningService, platform: Platform) -> AsyncIterator[Asking]:
    async with channel(platform.address, "transaction", ServiceIdentity("station", service.settings)) as to_platform:
        yield Asking(service, GrpcCommands(to_platform), platform)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(service: RunningService) -> DeviceModelServiceStub:
    """DeviceModelService as an operator calls it."""
    return DeviceModelServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def connected(points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str) -> int:
    """The epoch of its connection."""
    await create_point(points, name)
    return await open_one(edge, name, protocol="ocpp2.0.1")


def by_command(event: DeviceEvent, platform: Platform, command_id: str, body: CommandBody = BODY) -> DeviceEvent:
    """The same, asked for by a command that the platform knows."""
    platform.commands[command_id] = Command(id=command_id, charge_point_id=event.charge_point_id, body=body)
    which = event.WhichOneof("body")
    assert which is not None
    getattr(event, which).command_id = command_id
    return event


async def reports(model: DeviceModelServiceStub, name: str) -> list[DeviceReport]:
    answer = await model.ListDeviceReports(model_pb.ListDeviceReportsRequest(charge_point_id=name))
    return list(answer.reports)


async def test_what_was_lost_is_asked_for_once_more_and_shown(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    command_id = f"{name}/1"
    begun = by_command(asked(name, 0), platform, command_id)
    await record(
        edge, begun, part(name, 0, variable("A", "1"), at=1), part(name, 2, variable("C", "1"), at=60, last=True)
    )
    await asking.at(170)
    assert asking.made_for(name) == []
    await asking.at(181)
    await asking.at(400)
    [again] = asking.made_for(name)
    assert again.body == BODY
    [shown] = await reports(model, name)
    assert (shown.state, list(shown.missing_parts)) == (DeviceReport.INCOMPLETE, [1])
    assert shown.again_command_id == again.id
    # The second is lost as well: that is all.
    repeated = asked(name, 500, number=8)
    repeated.report_request.command_id = again.id
    await record(edge, repeated)
    await asking.at(1000)
    assert len(asking.made_for(name)) == 1
    latest, _ = await reports(model, name)
    assert (latest.state, list(latest.missing_parts)) == (DeviceReport.INCOMPLETE, [0])
    await record(edge, part(name, 0, variable("A", "1"), at=1001, number=8, last=True))
    latest, _ = await reports(model, name)
    assert (latest.state, list(latest.missing_parts)) == (DeviceReport.WHOLE, [])


async def test_a_command_of_several_reports_is_made_anew_once(
    edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    command_id = f"{name}/1"
    events = [asked(name, number, number=number, scope=1) for number in range(7)]
    await record(edge, *(by_command(event, platform, command_id) for event in events))
    await asking.at(300)
    assert len(asking.made_for(name)) == 1


async def test_monitors_are_asked_for_again_as_well(
    edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    body = CommandBody(get_monitoring_report=GetMonitoringReport())
    await record(edge, by_command(of_monitors.asked(name, 0), platform, f"{name}/1", body))
    await asking.at(300)
    assert [command.body for command in asking.made_for(name)] == [body]


@pytest.mark.parametrize("why", ["whole", "raw", "newer", "away", "spared", "old"])
async def test_nobody_is_asked_again_without_need(
    edge: ConnectivityServiceStub,
    points: ChargePointServiceStub,
    platform: Platform,
    asking: Asking,
    name: str,
    connected: int,
    why: str,
) -> None:
    lost = by_command(asked(name, 0), platform, f"{name}/1")
    await record(edge, asked(name, 0) if why == "raw" else lost)
    match why:
        case "whole":
            await record(edge, part(name, 0, variable("A", "1"), at=1, last=True))
        case "newer":
            await record(edge, asked(name, 5, number=9))
        case "spared":
            spared = QuirkSwitch(id=NOTHING_UNASKED.id, forgiven=True)
            await points.SwitchQuirks(point_pb.SwitchQuirksRequest(charge_point_id=name, switches=[spared]))
        case "away":
            await close_all(edge, (name, connected))
    await asking.at(100_000 if why == "old" else 300)
    assert asking.made_for(name) == []


async def test_one_that_cannot_be_asked_is_not_asked_later(
    edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    await record(edge, by_command(asked(name, 0), platform, f"{name}/1"))
    platform.failures[name] = [unavailable("the charge point is offline")]
    await asking.at(300)
    await asking.at(600)
    assert asking.made_for(name) == []
