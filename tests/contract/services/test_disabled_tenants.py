"""Every service asks the driver service which tenants there are, and refuses the people of all others."""

import pytest
import pytest_asyncio

from csms.identity.v1.tenant_pb2 import Tenant
from csms.station.v1 import station_service_pb2 as station_pb
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from tests.contract.services.driver.tenants import change_tenant, make_tenant
from tests.fixtures.calls import reason, refusal
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "127.0.0.1:1"
ALL = station_pb.ListStationsRequest()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drivers(module_services: ServiceRunner) -> RunningService:
    """Who keeps the tenants."""
    return await module_services("driver")


async def _stations(service: RunningService, tenant: str | None) -> StationServiceStub:
    return StationServiceStub(await service.channel("admin", tenant=tenant))


async def test_a_service_refuses_people_of_tenants_that_are_disabled_or_not_there(
    module_services: ServiceRunner, drivers: RunningService
) -> None:
    service = await module_services("station", driver_service_url=drivers.address, asks_for_tenants=True)
    for name in ("north", "south"):
        await make_tenant(drivers, name)
    await change_tenant(drivers, "south", Tenant.DISABLED)

    await (await _stations(service, None)).ListStations(ALL)
    await (await _stations(service, "north")).ListStations(ALL)
    disabled = await refusal((await _stations(service, "south")).ListStations(ALL))
    assert (disabled.kind, disabled.reason) == ("PERMISSION_DENIED", "TENANT_DISABLED")
    unknown = await refusal((await _stations(service, "east")).ListStations(ALL))
    assert (unknown.kind, unknown.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


async def test_nobody_is_asked_of_the_default_tenant_and_without_an_answer_no_other_is_let_in(
    module_services: ServiceRunner,
) -> None:
    service = await module_services("station", driver_service_url=NOWHERE, asks_for_tenants=True)

    await (await _stations(service, None)).ListStations(ALL)
    assert await reason((await _stations(service, "north")).ListStations(ALL)) == "UNAVAILABLE"
