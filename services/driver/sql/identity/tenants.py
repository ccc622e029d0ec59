"""Tenants in PostgreSQL."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.identity.tenant import Tenant
from services.driver.tables import TENANTS
from services.kernel.errors import already_exists
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import TenantState
from services.postgres.database import constraint_of
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of

_NAMES = names_of(TENANTS.c)


class SqlTenantRepository:
    """Satisfies ports.identity.TenantRepository within one transaction, which must be the platform's."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, state: TenantState | None, page: PageRequest) -> Page[Tenant]:
        query = select(TENANTS)
        if state is not None:
            query = query.where(TENANTS.c.state == state)
        rows = await fetch_page(self._connection, query, (TENANTS.c.id,), page=page)
        return rows.map(_tenant)

    async def find(self, tenant_id: str, *, for_update: bool = False) -> Tenant | None:
        query = select(TENANTS).where(TENANTS.c.id == tenant_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _tenant(row)

    async def add(self, tenant: Tenant) -> None:
        try:
            await self._connection.execute(insert(TENANTS).values(asdict(tenant)))
        except IntegrityError as error:
            if constraint_of(error) == "tenants_pkey":
                raise already_exists("tenant", tenant.id) from error
            raise

    async def replace(self, tenant: Tenant) -> None:
        await self._connection.execute(update(TENANTS).where(TENANTS.c.id == tenant.id).values(asdict(tenant)))


def _tenant(row: Row[Any]) -> Tenant:
    fields = {name: row._mapping[name] for name in _NAMES}
    return Tenant(**{**fields, "state": TenantState(fields["state"])})
