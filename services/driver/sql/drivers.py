"""Drivers in PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.driver import Driver, DriverFilter, DriverStatus, MembershipTier
from services.driver.tables import DRIVERS
from services.kernel.errors import already_exists, not_found
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.database import constraint_of
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of

_NAMES = names_of(DRIVERS.c)


class SqlDriverRepository:
    """Satisfies ports.DriverRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: DriverFilter, page: PageRequest) -> Page[Driver]:
        query = select(DRIVERS).where(*_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (DRIVERS.c.id,), page=page, descending=True)
        return rows.map(driver_of)

    async def find(self, driver_id: str, *, for_update: bool = False) -> Driver | None:
        if not is_id(driver_id):
            return None
        query = select(DRIVERS).where(DRIVERS.c.id == driver_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else driver_of(row)

    async def add(self, driver: Driver) -> None:
        with _unique(driver):
            await self._connection.execute(insert(DRIVERS).values(asdict(driver)))

    async def replace(self, driver: Driver) -> None:
        with _unique(driver):
            await self._connection.execute(update(DRIVERS).where(DRIVERS.c.id == driver.id).values(asdict(driver)))

    async def remove(self, driver_id: str) -> None:
        await self._connection.execute(delete(DRIVERS).where(DRIVERS.c.id == driver_id))


def _conditions(narrowing: DriverFilter) -> Iterator[ColumnElement[bool]]:
    columns = DRIVERS.c
    if narrowing.text:
        searched = (columns.name, columns.email, columns.phone)
        yield or_(*(column.icontains(narrowing.text, autoescape=True) for column in searched))
    if narrowing.status:
        yield columns.status == narrowing.status
    if narrowing.membership_tier:
        yield columns.membership_tier == narrowing.membership_tier
    if narrowing.driver_id:
        yield columns.id == narrowing.driver_id if is_id(narrowing.driver_id) else columns.id.is_(None)
    if narrowing.driver_ids:
        yield columns.id.in_([driver_id for driver_id in narrowing.driver_ids if is_id(driver_id)])


@contextmanager
def _unique(driver: Driver) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if constraint_of(error) == "drivers_email_key":
            raise already_exists("driver", driver.email) from error
        raise


async def check_driver(connection: AsyncConnection, driver_id: str | None) -> None:
    """Raises DRIVER_NOT_FOUND unless the driver is there for the tenant that is worked for: a foreign key finds those
    of others."""
    if driver_id is None:
        return
    known = select(DRIVERS.c.id).where(DRIVERS.c.id == driver_id)
    if not is_id(driver_id) or (await connection.execute(known)).first() is None:
        raise not_found("driver", driver_id)


def driver_of(row: Sequence[Any]) -> Driver:
    """The driver in a row that begins with all columns of the table."""
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    fields["membership_tier"] = MembershipTier(fields["membership_tier"])
    fields["status"] = DriverStatus(fields["status"])
    return Driver(**fields)
