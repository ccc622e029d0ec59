"""One driver service for all tests of a module, and its callers. Tests tell their things apart by name."""

import pytest_asyncio

from csms.driver.v1 import authorization_service_pb2_grpc as authorization_grpc
from csms.driver.v1 import driver_service_pb2_grpc as driver_grpc
from csms.driver.v1 import rfid_card_service_pb2_grpc as card_grpc
from csms.identity.v1 import identity_service_pb2_grpc as identity_grpc
from tests.fixtures.services import RunningService, ServiceRunner


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(module_services: ServiceRunner) -> RunningService:
    """The service, without what it does besides answering."""
    return await module_services("driver")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drivers(service: RunningService) -> driver_grpc.DriverServiceStub:
    """DriverService as an operator calls it."""
    return driver_grpc.DriverServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cards(service: RunningService) -> card_grpc.RfidCardServiceStub:
    """RfidCardService as an operator calls it."""
    return card_grpc.RfidCardServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def authorization(service: RunningService) -> authorization_grpc.AuthorizationServiceStub:
    """AuthorizationService as the edge calls it."""
    return authorization_grpc.AuthorizationServiceStub(await service.internal_channel("edge"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def identity(service: RunningService) -> identity_grpc.IdentityServiceStub:
    """IdentityService as an administrator calls it."""
    return identity_grpc.IdentityServiceStub(await service.channel("admin"))
