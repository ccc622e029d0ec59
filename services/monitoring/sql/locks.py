"""Locks on what may have no row yet."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# In one order, so that two who lock the same never wait for each other in a circle.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(key) FROM"
    " (SELECT hashtextextended(name, 0) AS key FROM unnest(CAST(:names AS text[])) AS name ORDER BY key) AS keys"
)


async def lock(connection: AsyncConnection, noun: str, ids: Collection[str]) -> None:
    """Keep everybody else who locks these things waiting until the transaction ends."""
    await connection.execute(_LOCK, {"names": [f"{noun} {one}" for one in ids]})
