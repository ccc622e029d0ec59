"""Between csms.identity.v1 and the domain."""

from typing import Any

from csms.identity.v1 import account_pb2 as account_pb
from csms.identity.v1 import tenant_pb2 as tenant_pb
from csms.identity.v1 import tenant_service_pb2 as tenant_service_pb
from services.driver.domain.identity.account import Account, AccountKind, Role
from services.driver.domain.identity.tenant import Tenant
from services.kernel.tenancy import TenantState
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, read, timestamp

# The fields of a tenant that callers may change, and what each value is in the domain.
_TENANT_FIELDS: Fields = {
    "display_name": lambda tenant: tenant.display_name,
    "state": lambda tenant: tenant_state(tenant.state) or TenantState.ACTIVE,
}


def role(number: int) -> Role | None:
    """The role of a message; None for unspecified."""
    return enum_of(Role, account_pb.Account.Role, number)


def account_kind(number: int) -> AccountKind:
    """The kind of account of a message; USER for unspecified."""
    return enum_of(AccountKind, account_pb.Account.Kind, number) or AccountKind.USER


def account_to_proto(account: Account) -> account_pb.Account:
    """The resource as callers see it."""
    return account_pb.Account(
        name=account.name,
        kind=account_pb.Account.Kind.Value(account.kind),
        role=account_pb.Account.Role.Value(account.role),
        driver_id=account.driver_id or "",
        create_time=timestamp(account.create_time),
    )


def tenant_state(number: int) -> TenantState | None:
    """The state of a message; None for unspecified."""
    return enum_of(TenantState, tenant_pb.Tenant.State, number)


def tenant_fields(message: tenant_pb.Tenant) -> dict[str, Any]:
    """What a caller says of a new tenant, by the names of the domain."""
    return {"id": message.id, **read(message, _TENANT_FIELDS, _TENANT_FIELDS)}


def tenant_changes(request: tenant_service_pb.UpdateTenantRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK."""
    names = masks.updated_fields(request.tenant, request.update_mask, _TENANT_FIELDS.keys())
    return read(request.tenant, _TENANT_FIELDS, names)


def tenant_to_proto(tenant: Tenant) -> tenant_pb.Tenant:
    """The resource as callers see it."""
    return tenant_pb.Tenant(
        id=tenant.id,
        display_name=tenant.display_name,
        state=tenant_pb.Tenant.State.Value(tenant.state),
        create_time=timestamp(tenant.create_time),
        update_time=timestamp(tenant.update_time),
        etag=str(tenant.revision),
    )
