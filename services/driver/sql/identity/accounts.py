"""Accounts in PostgreSQL."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.identity.account import Account, AccountKind, Role, name_key
from services.driver.sql.drivers import check_driver
from services.driver.tables import ACCOUNTS
from services.kernel.errors import already_exists, not_found
from services.kernel.pagination import Page, PageRequest
from services.postgres.database import constraint_of
from services.postgres.keyset import fetch_page


class SqlAccountRepository:
    """Satisfies ports.AccountRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, role: Role | None, page: PageRequest) -> Page[Account]:
        query = select(ACCOUNTS)
        if role is not None:
            query = query.where(ACCOUNTS.c.role == role)
        rows = await fetch_page(self._connection, query, (ACCOUNTS.c.name_key,), page=page)
        return rows.map(_account)

    async def find(self, name: str) -> Account | None:
        row = (await self._connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.name_key == name_key(name)))).first()
        return None if row is None else _account(row)

    async def add(self, account: Account) -> None:
        await check_driver(self._connection, account.driver_id)
        try:
            await self._connection.execute(insert(ACCOUNTS).values(name_key=name_key(account.name), **asdict(account)))
        except IntegrityError as error:
            match constraint_of(error):
                case "accounts_pkey":
                    raise already_exists("account", account.name) from error
                case "accounts_driver_id_fkey":
                    raise not_found("driver", account.driver_id) from error
            raise

    async def remove(self, name: str) -> bool:
        gone = await self._connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.name_key == name_key(name)))
        return gone.rowcount > 0


def _account(row: Row[Any]) -> Account:
    return Account(
        name=row.name,
        kind=AccountKind(row.kind),
        role=Role(row.role),
        driver_id=row.driver_id,
        password_hash=row.password_hash,
        create_time=row.create_time,
        tenant_id=row.tenant_id,
    )
