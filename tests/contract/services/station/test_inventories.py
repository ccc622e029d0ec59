"""After a boot a charge point that has not told all of its variables is asked for them, by us, a few at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.quirk_pb2 import QuirkSwitch
from services.kernel.clock import FixedClock, SystemClock
from services.kernel.errors import unavailable
from services.kernel.quirks.asking import NOTHING_UNASKED
from services.messaging.outbox import OutboxRelay
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity
from services.station.application.connectivity import Connectivity, Policy
from services.station.application.inventories import Inventories, next_ask
from services.station.clients import GrpcCommands
from services.station.domain.charge_point import BootReport
from services.station.sql.batches import SqlBatches
from services.station.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.station.callers import ChargePoint, close_all, create_point, open_one
from tests.contract.services.station.test_device_variables import NOW as TOLD
from tests.contract.services.station.test_device_variables import asked, part, record, reported, variable
from tests.contract.services.station.transactions import Platform
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)


class Asking:
    """A replica that takes boots in and asks, at a time of its own."""

    def __init__(
        self, service: RunningService, commands: GrpcCommands, batches: SqlBatches, relay: OutboxRelay
    ) -> None:
        units_of_work = SqlUnitsOfWork(service.database, relay, SystemClock())
        self.clock = FixedClock(NOW)
        self.inventories = Inventories(units_of_work, commands, self.clock)
        self._connectivity = Connectivity(
            units_of_work, batches, SystemClock(), Policy(60, False), self.inventories.note
        )

    async def boot(self, name: str, epoch: int, firmware: str = "") -> None:
        report = BootReport(
            charge_point_id=name,
            epoch=epoch,
            vendor="ACME",
            model="Wall",
            serial_number="",
            firmware_version=firmware,
            reason="PowerUp",
            received_time=self.clock.now(),
        )
        await self._connectivity.boot([report])

    async def later(self, name: str, epoch: int, after: timedelta, firmware: str = "") -> None:
        """It boots again after that time, and whoever is to be asked has been asked."""
        self.clock.advance(after)
        await self.boot(name, epoch, firmware)
        await self.inventories.ask_some()
        await asyncio.gather(*self.inventories._asking)


@pytest_asyncio.fixture(loop_scope="module")
async def asking(service: RunningService, platform: Platform) -> AsyncIterator[Asking]:
    relay = OutboxRelay(service.database, service.bus)
    batches = SqlBatches(service.database, relay)
    async with channel(platform.address, "transaction", ServiceIdentity("station", service.settings)) as to_platform:
        replica = Asking(service, GrpcCommands(to_platform), batches, relay)
        yield replica
        await replica.inventories.close()
    await batches.close()


async def connect(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str, protocol: str = "ocpp2.0.1"
) -> int:
    await create_point(points, name)
    return await open_one(edge, name, protocol=protocol)


def _settings(name: str, time: datetime) -> DeviceEvent:
    """All settings by OCPP 1.6, told at a time."""
    setting, seconds = variable("A", "1", component="Configuration"), (time - TOLD).total_seconds()
    return reported(name, seconds, setting, whole=True, action="GetConfiguration", protocol="ocpp1.6")


async def asked_for(platform: Platform, name: str, times: int) -> None:
    """Return once it was asked so often."""

    async def is_so() -> bool:
        return len(platform.reports_of(name)) == times

    await eventually(is_so, within_seconds=10)


async def test_a_station_that_never_told_its_variables_is_asked_after_its_boot_and_not_at_each(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    platform: Platform,
    asking: Asking,
    name: str,
) -> None:
    epoch = await connect(points, edge, name)
    await asking.boot(name, epoch)
    await asking.inventories.ask_some()
    await asked_for(platform, name, 1)
    await asking.later(name, epoch, timedelta(minutes=9))
    await asking.later(name, epoch, timedelta(minutes=2))
    await asked_for(platform, name, 2)
    # One that told all is left alone, whatever happens.
    await record(edge, asked(name, 0), part(name, 0, variable("A", "1"), last=True, at=1))
    await asking.later(name, epoch, timedelta(days=30))
    assert len(platform.reports_of(name)) == 2


async def test_one_that_is_put_off_by_calls_is_not_asked_until_it_is_switched_back(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    epoch = await connect(points, edge, name)
    spared = QuirkSwitch(id=NOTHING_UNASKED.id, forgiven=True)
    await points.SwitchQuirks(point_pb.SwitchQuirksRequest(charge_point_id=name, switches=[spared]))
    await asking.boot(name, epoch)
    await asking.inventories.ask_some()
    assert platform.reports_of(name) == []
    await points.SwitchQuirks(point_pb.SwitchQuirksRequest(charge_point_id=name))
    await asking.boot(name, epoch)
    await asking.inventories.ask_some()
    await asked_for(platform, name, 1)


async def test_a_charge_point_of_the_older_version_is_asked_as_well(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    epoch = await connect(points, edge, name, "ocpp1.6")
    await asking.boot(name, epoch)
    await asking.inventories.ask_some()
    await asked_for(platform, name, 1)
    await record(edge, _settings(name, datetime.now(UTC)))
    await asking.later(name, epoch, timedelta(days=30))
    assert len(platform.reports_of(name)) == 1


async def test_one_with_another_firmware_is_asked_anew_and_only_once(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    epoch = await connect(points, edge, name, "ocpp1.6")
    await asking.boot(name, epoch, "1.0")
    await asking.inventories.ask_some()
    await asked_for(platform, name, 1)
    await record(edge, _settings(name, asking.clock.now()))
    await asking.later(name, epoch, timedelta(days=1), "1.0")
    # One that leaves it out says nothing of it.
    await asking.later(name, epoch, timedelta(minutes=1))
    assert len(platform.reports_of(name)) == 1
    await asking.later(name, epoch, timedelta(minutes=1), "1.1")
    await asked_for(platform, name, 2)
    # It has not answered yet, and boots again; then with the next firmware, for which nobody has asked.
    await asking.later(name, epoch, timedelta(minutes=1), "1.1")
    assert len(platform.reports_of(name)) == 2
    await asking.later(name, epoch, timedelta(minutes=1), "1.2")
    await asked_for(platform, name, 3)
    await record(edge, _settings(name, asking.clock.now()))
    await asking.later(name, epoch, timedelta(days=30), "1.2")
    assert len(platform.reports_of(name)) == 3


async def test_a_station_is_asked_in_the_name_of_its_tenant(
    service: RunningService, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    epoch = await connect(ChargePointServiceStub(await service.channel("admin", tenant="south")), edge, name)
    await asking.boot(name, epoch)
    await asking.inventories.ask_some()
    await asked_for(platform, name, 1)
    assert platform.asked_for[name] == "south"


async def test_a_refusal_is_taken_for_an_answer_and_asked_again_ever_later(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    platform.failures[name] = [unavailable("later")]
    epoch = await connect(points, edge, name)
    await asking.boot(name, epoch)
    await asking.inventories.ask_some()
    await asking.later(name, epoch, timedelta(minutes=11))
    await asked_for(platform, name, 1)
    assert [next_ask(NOW, tries) - NOW for tries in (1, 2, 3, 9)] == [
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(days=7),
    ]


async def test_who_is_not_in_service_or_gone_again_is_not_asked(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    await create_point(points, f"{name}-new", state=ChargePoint.PENDING)
    pending = await open_one(edge, f"{name}-new", protocol="ocpp2.0.1")
    left = await connect(points, edge, f"{name}-left")
    for point, epoch in ((f"{name}-new", pending), (f"{name}-left", left)):
        await asking.boot(point, epoch)
    await close_all(edge, (f"{name}-left", left))
    # Whoever comes next was asked after them.
    await asking.boot(name, await connect(points, edge, name))
    await asking.inventories.ask_some()
    await asked_for(platform, name, 1)
    assert [one for suffix in ("new", "left") for one in platform.reports_of(f"{name}-{suffix}")] == []


async def test_only_a_few_are_asked_at_a_time(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, platform: Platform, asking: Asking, name: str
) -> None:
    for number in range(12):
        await asking.boot(f"{name}-{number}", await connect(points, edge, f"{name}-{number}"))
    for expected in (5, 10, 12):
        await asking.inventories.ask_some()

        async def is_so(expected: int = expected) -> bool:
            return sum(len(platform.reports_of(f"{name}-{number}")) for number in range(12)) == expected

        await eventually(is_so, within_seconds=10)
