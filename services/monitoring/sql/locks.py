"""Locks on what may have no row yet."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def lock(connection: AsyncConnection, name: str) -> None:
    """Keep everybody else who locks this name waiting until the transaction ends."""
    await connection.execute(_LOCK, {"name": name})
