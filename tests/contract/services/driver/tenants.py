"""Tenants at a running driver service, as those who run the installation make and disable them."""

from csms.identity.v1.tenant_pb2 import Tenant
from csms.identity.v1.tenant_service_pb2 import CreateTenantRequest, UpdateTenantRequest
from csms.identity.v1.tenant_service_pb2_grpc import TenantServiceStub
from tests.fixtures.services import RunningService


async def make_tenant(service: RunningService, tenant_id: str) -> Tenant:
    """A new tenant."""
    stub = TenantServiceStub(await service.channel("admin"))
    return (await stub.CreateTenant(CreateTenantRequest(tenant=Tenant(id=tenant_id)))).tenant


async def change_tenant(service: RunningService, tenant_id: str, state: Tenant.State.ValueType) -> Tenant:
    """A tenant after a change of its state."""
    stub = TenantServiceStub(await service.channel("admin"))
    request = UpdateTenantRequest(tenant_id=tenant_id, tenant=Tenant(state=state))
    return (await stub.UpdateTenant(request)).tenant
