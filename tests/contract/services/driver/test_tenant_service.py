"""TenantService: which tenants there are, and what it means for their people that one is disabled."""

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from csms.driver.v1.driver_service_pb2 import ListDriversRequest
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.identity.v1 import identity_service_pb2 as identity_pb
from csms.identity.v1 import tenant_service_pb2 as pb
from csms.identity.v1.account_pb2 import Account
from csms.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from csms.identity.v1.tenant_pb2 import Tenant
from csms.identity.v1.tenant_service_pb2_grpc import TenantServiceStub
from services.kernel.ids import new_id
from tests.contract.services.driver.tenants import change_tenant, make_tenant
from tests.fixtures.calls import bad_fields, reason, said_to_rest
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "a good password"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(service: RunningService) -> TenantServiceStub:
    """TenantService as an admin of the tenant `default` calls it."""
    return TenantServiceStub(await service.channel("admin"))


@pytest.fixture
def name() -> str:
    """The id of no tenant yet."""
    return f"t-{new_id()}"


async def test_the_default_tenant_is_there_from_the_start_and_cannot_be_disabled(
    service: RunningService, tenants: TenantServiceStub
) -> None:
    assert (await tenants.GetTenant(pb.GetTenantRequest(tenant_id="default"))).tenant.state == Tenant.ACTIVE
    assert await bad_fields(change_tenant(service, "default", Tenant.DISABLED)) == ["tenant.state"]


async def test_a_tenant_is_made_once_shown_and_given_another_name(tenants: TenantServiceStub, name: str) -> None:
    asked = pb.CreateTenantRequest(tenant=Tenant(id=name, display_name="North"))
    said = await said_to_rest(tenants.CreateTenant(asked))
    assert said == {"x-http-code": "201", "location": f"/tenants/{name}"}
    assert await reason(tenants.CreateTenant(asked)) == "TENANT_EXISTS"

    made = (await tenants.GetTenant(pb.GetTenantRequest(tenant_id=name))).tenant
    assert (made.display_name, made.state, made.etag) == ("North", Tenant.ACTIVE, "1")
    renamed = pb.UpdateTenantRequest(tenant_id=name, tenant=Tenant(display_name="Far North", etag="1"))
    changed = (await tenants.UpdateTenant(renamed)).tenant
    assert (changed.display_name, changed.etag, changed.create_time) == ("Far North", "2", made.create_time)
    assert await reason(tenants.UpdateTenant(renamed)) == "ETAG_MISMATCH"
    assert changed in (await tenants.ListTenants(pb.ListTenantsRequest())).tenants
    assert changed not in (await tenants.ListTenants(pb.ListTenantsRequest(state=Tenant.DISABLED))).tenants


async def test_what_cannot_be_is_refused_by_its_field(tenants: TenantServiceStub, name: str) -> None:
    for bad in ("-north", "North", "n" * 41):
        assert await bad_fields(tenants.CreateTenant(pb.CreateTenantRequest(tenant=Tenant(id=bad)))) == ["tenant.id"]
    long = pb.CreateTenantRequest(tenant=Tenant(id=name, display_name="n" * 201))
    assert await bad_fields(tenants.CreateTenant(long)) == ["tenant.displayName"]
    other_id = pb.UpdateTenantRequest(tenant_id="default", tenant=Tenant(id=name), update_mask=FieldMask(paths=["id"]))
    assert await reason(tenants.UpdateTenant(other_id)) == "INVALID_UPDATE_MASK"
    assert await reason(tenants.UpdateTenant(pb.UpdateTenantRequest(tenant_id=name, tenant=Tenant()))) == (
        "TENANT_NOT_FOUND"
    )


async def test_only_admins_of_the_default_tenant_see_and_change_tenants(service: RunningService, name: str) -> None:
    await make_tenant(service, name)
    for role, claims in (("admin", {"tenant": name}), ("operator", {}), ("viewer", {})):
        stub = TenantServiceStub(await service.channel(role, **claims))
        assert await reason(stub.ListTenants(pb.ListTenantsRequest())) == "PERMISSION_DENIED", role
        assert await reason(stub.GetTenant(pb.GetTenantRequest(tenant_id=name))) == "PERMISSION_DENIED", role
        more = pb.CreateTenantRequest(tenant=Tenant(id=f"{name}2"[-40:]))
        assert await reason(stub.CreateTenant(more)) == "PERMISSION_DENIED", role
        disabled = pb.UpdateTenantRequest(tenant_id=name, tenant=Tenant(state=Tenant.DISABLED))
        assert await reason(stub.UpdateTenant(disabled)) == "PERMISSION_DENIED", role


async def test_tokens_of_a_tenant_that_is_not_there_are_good_for_nothing(service: RunningService, name: str) -> None:
    drivers = DriverServiceStub(await service.channel("admin", tenant=name))
    assert await reason(drivers.ListDrivers(ListDriversRequest())) == "UNAUTHENTICATED"


async def test_who_is_of_a_disabled_tenant_does_not_sign_in(service: RunningService, name: str) -> None:
    await make_tenant(service, name)
    account = Account(name=name, role=Account.OPERATOR, password=PASSWORD)
    admin = IdentityServiceStub(await service.channel("admin", tenant=name))
    await admin.CreateAccount(identity_pb.CreateAccountRequest(account=account))
    anybody = IdentityServiceStub(await service.anonymous_channel())

    def sign_in(password: str = PASSWORD) -> identity_pb.IssueTokenRequest:
        return identity_pb.IssueTokenRequest(grant_type="password", username=name, password=password)

    await anybody.IssueToken(sign_in())
    await change_tenant(service, name, Tenant.DISABLED)
    assert await reason(anybody.IssueToken(sign_in())) == "TENANT_DISABLED"
    # Nobody else learns it.
    assert await reason(anybody.IssueToken(sign_in("another password"))) == "INVALID_CREDENTIALS"
    await change_tenant(service, name, Tenant.ACTIVE)
    assert (await anybody.IssueToken(sign_in())).access_token
