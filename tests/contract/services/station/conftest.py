"""One station service for all tests of a module, its callers, and the service it calls itself.

Tests tell their things apart by name.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from csms.station.v1 import charge_point_service_pb2_grpc as point_grpc
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from services.kernel.ids import new_id
from tests.contract.services.station.transactions import Platform, platform_on_the_wire
from tests.fixtures.services import RunningService, ServiceRunner


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(module_services: ServiceRunner) -> AsyncIterator[Platform]:
    """What the transaction service would know."""
    async with platform_on_the_wire(module_services.tokens.settings("transaction")) as platform:
        yield platform


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(module_services: ServiceRunner, platform: Platform) -> RunningService:
    """The service, without what it does besides answering; it lets nobody in that it does not know."""
    return await module_services("station", transaction_service_url=platform.address)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stations(service: RunningService) -> station_grpc.StationServiceStub:
    """StationService as an operator calls it."""
    return station_grpc.StationServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def points(service: RunningService) -> point_grpc.ChargePointServiceStub:
    """ChargePointService as an operator calls it."""
    return point_grpc.ChargePointServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(service: RunningService) -> connectivity_grpc.ConnectivityServiceStub:
    """ConnectivityService as the edge calls it."""
    return connectivity_grpc.ConnectivityServiceStub(await service.internal_channel("edge"))


@pytest.fixture
def name() -> str:
    """An identity that no charge point has yet; sorts by its making."""
    return f"CP-{new_id()}"
