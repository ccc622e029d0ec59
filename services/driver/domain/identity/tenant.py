"""Tenants: the operators that share the installation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.kernel.errors import conflict
from services.kernel.tenancy import DEFAULT_TENANT, TenantState, is_tenant_id
from services.kernel.validation import Violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An operator with charge points, drivers and bills of its own. `revision` counts changes from 1."""

    id: str
    display_name: str = ""
    state: TenantState = TenantState.ACTIVE
    create_time: datetime
    update_time: datetime
    revision: int = 1


def validated(tenant: Tenant) -> Tenant:
    """`tenant` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("tenant")
    violations.check(is_tenant_id(tenant.id), "id", "must be 1 to 40 of a-z, 0-9 and -, with no - at either end")
    violations.text("displayName", tenant.display_name, longest=200)
    # Who runs the installation would have nobody left to let him in again.
    is_locked_out = tenant.id == DEFAULT_TENANT and tenant.state is not TenantState.ACTIVE
    violations.check(not is_locked_out, "state", f"the tenant {DEFAULT_TENANT} cannot be disabled")
    violations.raise_if_any()
    return tenant


def changed(tenant: Tenant, changes: Mapping[str, Any], etag: str, now: datetime) -> Tenant:
    """`tenant` after `changes` (field name to new value). Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(tenant.revision):
        raise conflict("ETAG_MISMATCH", f"tenant {tenant.id} has changed since etag {etag} was read")
    return validated(replace(tenant, **changes, update_time=now, revision=tenant.revision + 1))
