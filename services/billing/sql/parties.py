"""Sellers and customers of invoices in PostgreSQL: every version a row."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.party import Address, Customer, Seller
from services.billing.domain.taxation import BillingTerms, TaxTreatment
from services.billing.tables import INVOICE_CUSTOMERS, INVOICE_SELLERS
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.gathering import fetch
from services.postgres.keyset import fetch_page
from services.postgres.recordset import array

# They change seldom.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('invoice parties', 0))")
# Asked for with every batch of bills; answered by an index that is empty where nobody is taxed in a way of his own, and
# from the one seller.
_TERMS = (
    b"SELECT driver_id::text, tax_treatment, NULL::integer FROM invoice_customers"
    b" WHERE until_time IS NULL AND tax_treatment <> 'STANDARD' AND driver_id = ANY(%s::uuid[])"
    b" UNION ALL SELECT NULL, NULL, (details ->> 'payment_days')::integer FROM invoice_sellers"
    b" WHERE tenant_id = %s AND until_time IS NULL"
)
# What has columns of its own; the rest is in `details`.
_COLUMNS = ("driver_id", "tax_treatment", "version", "create_time", "update_time", "tenant_id")


class SqlPartyRepository:
    """Satisfies ports.PartyRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        await self._connection.execute(_LOCK)

    async def seller(self, tenant_id: str) -> Seller | None:
        row = await self._newest(INVOICE_SELLERS, tenant_id=tenant_id)
        return None if row is None else Seller(**_fields(row))

    async def customer(self, tenant_id: str, driver_id: str) -> Customer | None:
        if not is_id(driver_id):
            return None
        row = await self._newest(INVOICE_CUSTOMERS, tenant_id=tenant_id, driver_id=driver_id)
        return None if row is None else _customer(row)

    async def customers(self, page: PageRequest) -> Page[Customer]:
        columns = INVOICE_CUSTOMERS.c
        newest = select(INVOICE_CUSTOMERS).where(columns.until_time.is_(None))
        rows = await fetch_page(self._connection, newest, (columns.tenant_id, columns.driver_id), page=page)
        return rows.map(_customer)

    async def all_of_sellers(self, tenant_ids: Collection[str]) -> Mapping[str, Sequence[Seller]]:
        columns = INVOICE_SELLERS.c
        query = select(INVOICE_SELLERS).where(columns.tenant_id.in_(tenant_ids)).order_by(columns.version)
        found: defaultdict[str, list[Seller]] = defaultdict(list)
        for row in await self._connection.execute(query):
            found[row.tenant_id].append(Seller(**_fields(row)))
        return found

    async def all_of_customers(self, driver_ids: Collection[str]) -> Mapping[tuple[str, str], Sequence[Customer]]:
        columns = INVOICE_CUSTOMERS.c
        query = select(INVOICE_CUSTOMERS).where(columns.driver_id.in_(driver_ids)).order_by(columns.version)
        found: defaultdict[tuple[str, str], list[Customer]] = defaultdict(list)
        for row in await self._connection.execute(query):
            found[row.tenant_id, row.driver_id].append(_customer(row))
        return found

    async def terms(self, tenant_id: str, driver_ids: Collection[str]) -> BillingTerms:
        treatments: dict[str, TaxTreatment] = {}
        payment_days: int | None = None
        for driver_id, treatment, days in await fetch(self._connection, _TERMS, array(driver_ids), tenant_id):
            if driver_id is None:
                payment_days = days
            else:
                treatments[driver_id] = TaxTreatment(treatment)
        return BillingTerms(treatments, payment_days)

    async def add_seller(self, seller: Seller) -> None:
        await self._add(INVOICE_SELLERS, seller, tenant_id=seller.tenant_id)

    async def add_customer(self, customer: Customer) -> None:
        await self._add(INVOICE_CUSTOMERS, customer, tenant_id=customer.tenant_id, driver_id=customer.driver_id)

    async def _newest(self, table: Table, **key: str) -> Row[Any] | None:
        """The newest version of what has this key."""
        row: Row[Any] | None = (await self._connection.execute(select(table).where(*_newest(table, key)))).first()
        return row

    async def _add(self, table: Table, version: Seller | Customer, **key: str) -> None:
        older = update(table).where(*_newest(table, key))
        await self._connection.execute(older.values(until_time=version.update_time))
        fields = asdict(version)
        columns = {name: fields.pop(name) for name in _COLUMNS if name in fields}
        await self._connection.execute(insert(table).values(**columns, details=fields))


def _newest(table: Table, key: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c.until_time.is_(None), *(table.c[name] == value for name, value in key.items())]


def _fields(row: Row[Any]) -> dict[str, Any]:
    told = row._mapping
    details = dict(told["details"])
    address = Address(**details.pop("address"))
    return {**details, "address": address, **{name: told[name] for name in _COLUMNS if name in told}}


def _customer(row: Row[Any]) -> Customer:
    fields = _fields(row)
    return Customer(**{**fields, "tax_treatment": TaxTreatment(fields["tax_treatment"])})
