"""What can be done with tenants."""

from collections.abc import Mapping
from typing import Any

from services.driver.domain.identity.tenant import Tenant, changed, validated
from services.driver.ports.identity import UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import TenantState


class Tenants:
    """The use cases of tenants. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def page(self, state: TenantState | None, page: PageRequest) -> Page[Tenant]:
        """One page of tenants by id."""
        async with self._units_of_work() as work:
            return await work.tenants.page(state, page)

    async def get(self, tenant_id: str) -> Tenant:
        """Raises: TENANT_NOT_FOUND."""
        async with self._units_of_work() as work:
            return _found(await work.tenants.find(tenant_id), tenant_id)

    async def state(self, tenant_id: str) -> TenantState | None:
        """Whether the people of a tenant may do anything; None when there is none of this id."""
        async with self._units_of_work() as work:
            tenant = await work.tenants.find(tenant_id)
        return None if tenant is None else tenant.state

    async def create(self, fields: Mapping[str, Any]) -> Tenant:
        """Raises: INVALID_FIELD, TENANT_EXISTS."""
        now = self._clock.now()
        tenant = validated(Tenant(**fields, create_time=now, update_time=now))
        async with self._units_of_work() as work:
            await work.tenants.add(tenant)
        return tenant

    async def update(self, tenant_id: str, changes: Mapping[str, Any], etag: str) -> Tenant:
        """Raises: TENANT_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH."""
        async with self._units_of_work() as work:
            tenant = _found(await work.tenants.find(tenant_id, for_update=True), tenant_id)
            tenant = changed(tenant, changes, etag, self._clock.now())
            await work.tenants.replace(tenant)
        return tenant


def _found(tenant: Tenant | None, tenant_id: str) -> Tenant:
    if tenant is None:
        raise not_found("tenant", tenant_id)
    return tenant
