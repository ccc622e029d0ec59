"""The connection of a writer: its statements are planned once, not for each batch."""

from services.transaction.sql.lane import Lane
from tests.fixtures.services import RunningService

_PLANS = (
    b"SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE '%transactions%'"
)
_ANY = b"SELECT transaction_id FROM transactions WHERE id = ANY (%s::uuid[])"


async def test_statements_are_planned_without_their_parameters(service: RunningService) -> None:
    lane = Lane(service.database, "events")
    async with lane.connection() as connection:
        for _ in range(3):
            await connection.execute(_ANY, ("{}",))
        plans = await (await connection.execute(_PLANS)).fetchone()
    await lane.close()
    assert plans == (3, 0)


async def test_a_table_that_is_small_when_the_plan_is_made_is_not_read_as_a_whole(service: RunningService) -> None:
    async with service.database.raw() as connection:
        await connection.execute(b"ANALYZE transactions")
    lane = Lane(service.database, "events")
    async with lane.connection() as connection:
        rows = await (await connection.execute(b"EXPLAIN " + _ANY, ("{}",))).fetchall()
    await lane.close()
    assert not any("Seq Scan" in line for (line,) in rows)
