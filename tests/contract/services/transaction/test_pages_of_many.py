"""What a page of transactions costs PostgreSQL does not grow with those that other pages, or other tenants, have."""

from collections.abc import AsyncIterator

import pytest

from services.kernel.pagination import PageRequest
from services.kernel.tenancy import DEFAULT_TENANT, as_tenant
from services.postgres.database import Database
from services.postgres.keyset import COUNTED_UP_TO
from services.postgres.readers import Readers
from services.postgres.roundtrip import Rows, Statement
from services.transaction.domain.transaction_view import TransactionFilter
from services.transaction.sql.reads import SqlTransactionReads
from tests.contract.services.tenants import OTHER
from tests.fixtures.postgres import KeptConnection

_MANY, _FEW = COUNTED_UP_TO + 2_000, 70
_FILL = """
INSERT INTO transactions (id, ocpp_transaction_id, charge_point_id, evse_id, connector_id, id_tag, state, begin_time,
    start_time, stop_time, energy_wh, stop_reason, driver_id, station_id, protocol, charging_state, offline, flags,
    start_rank, token_rank, charging_rank, stop_rank, revision, create_time, update_time, tenant_id)
SELECT gen_random_uuid(), n::text, 'CP' || n, 1, 1, '', 'ENDED', at, at, at, 0, '', '', '', 'ocpp1.6', '', false,
    '{}', '', '', '', '', 1, at, at, %s
FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(1, %s) AS n) AS began
"""


class Explained:
    """Answers as `readers` do, and keeps the plans of what was asked."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self.plans: list[str] = []

    async def ask(self, *statements: Statement) -> list[Rows]:
        for query, parameters in statements:
            [rows] = await self._readers.ask((b"EXPLAIN " + query, parameters))
            self.plans.append("\n".join(line for (line,) in rows))
        return await self._readers.ask(*statements)


@pytest.fixture
async def readers(database_url: str, kept_connection: KeptConnection) -> AsyncIterator[Explained]:
    """Of many transactions of one tenant and a few of another, which began in between."""
    connection = kept_connection("transaction")
    for tenant_id, count in ((DEFAULT_TENANT, _MANY), (OTHER, _FEW)):
        connection.execute(_FILL, (tenant_id, count))
    # What is not in the log on disk yet, as commits here do not wait for it, VACUUM does not mark as seen by all.
    connection.execute("CHECKPOINT")
    connection.execute("VACUUM (ANALYZE) transactions")
    database = Database(database_url)
    readers = Readers(database)
    yield Explained(readers)
    await readers.close()
    await database.close()


@pytest.mark.parametrize(("tenant_id", "total"), [(DEFAULT_TENANT, COUNTED_UP_TO), (OTHER, _FEW)])
async def test_a_tenants_page_is_found_and_counted_in_the_index_of_its_transactions(
    readers: Explained, tenant_id: str, total: int
) -> None:
    with as_tenant(tenant_id):
        page = await SqlTransactionReads(readers).page(TransactionFilter(), PageRequest(50))
    rows, count = readers.plans
    assert (len(page.items), page.total_size) == (50, total)
    # Not row by row of everybody's, the policy last: the tenant is what is looked for in the index.
    for plan in (rows, count):
        assert "transactions_tenant_idx" in plan
        assert "Index Cond: (tenant_id = current_setting(" in plan
        assert "Seq Scan" not in plan
        assert "Sort" not in plan
    assert "Index Only Scan" in count


async def test_more_than_is_counted_is_not_counted_again_for_the_same_tenant(readers: Explained) -> None:
    reads = SqlTransactionReads(readers)
    totals, statements = [], []
    for tenant_id in (DEFAULT_TENANT, DEFAULT_TENANT, OTHER, OTHER):
        with as_tenant(tenant_id):
            totals.append((await reads.page(TransactionFilter(), PageRequest(50))).total_size)
        statements.append(len(readers.plans))
    assert totals == [COUNTED_UP_TO, COUNTED_UP_TO, _FEW, _FEW]
    assert statements == [2, 3, 5, 7]
