"""Locks on what may have no row yet."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import bare
from services.chassis.recordset import text_array

# In one order, so that two who lock the same never wait for each other in a circle.
_LOCK = (
    b"SELECT count(pg_advisory_xact_lock(key)) FROM"
    b" (SELECT hashtextextended(name, 0) AS key FROM unnest(%s::text[]) AS name ORDER BY key) AS keys"
)

_LOCK_SESSIONS = "SELECT pg_advisory_xact_lock(hashtextextended('sessions', 0))"
TURN_OF_SESSIONS = f"WITH turn AS MATERIALIZED ({_LOCK_SESSIONS})"
"""What `lock_sessions` does, before a statement that has `turn` among what it selects from. Only for one that needs not
see what those have committed whom it had to wait for."""


async def lock(connection: AsyncConnection, noun: str, ids: Collection[str]) -> None:
    """Keep everybody else who locks these things waiting until the transaction ends."""
    await (await bare(connection)).execute(_LOCK, (text_array(f"{noun} {one}" for one in ids),))


async def lock_sessions(connection: AsyncConnection) -> None:
    """Keep everybody else who takes in transactions or bills waiting until the transaction ends: one lock for all of
    them costs less than one for each, and batches that share stations and minutes would wait for each other anyway."""
    await (await bare(connection)).execute(_LOCK_SESSIONS.encode())
