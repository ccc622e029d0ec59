"""How far the facts of other services were compared with ours: the table `reconciliations` of a service that compares.

Does not know who is compared with whom.
"""

from datetime import datetime

from sqlalchemy import Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection


def define(metadata: MetaData) -> Table:
    """The table, as part of a service's own."""
    return Table(
        "reconciliations",
        metadata,
        Column("name", Text, nullable=False),
        Column("until_time", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("name", name="reconciliations_pkey"),
    )


_TABLE = define(MetaData())


async def reached(connection: AsyncConnection, name: str) -> datetime | None:
    """How far the comparison `name` has come; None before the first."""
    query = select(_TABLE.c.until_time).where(_TABLE.c.name == name)
    return (await connection.execute(query)).scalar_one_or_none()


async def note(connection: AsyncConnection, name: str, until: datetime) -> None:
    """Note how far it has come; never back."""
    statement = insert(_TABLE).values(name=name, until_time=until)
    latest = func.greatest(statement.excluded.until_time, _TABLE.c.until_time)
    await connection.execute(
        statement.on_conflict_do_update(constraint="reconciliations_pkey", set_={"until_time": latest})
    )
