"""A pool gives back what it does not need: PostgreSQL has a process for each connection, which takes 2 MiB of memory.

A start, or a crowd, opens many at once; afterwards a few do. SQLAlchemy's pool would keep them for ever.
"""

from typing import cast

from sqlalchemy import QueuePool, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn


class SpareConnections:
    """Those of the pool of `engine` that were not in use, from one `let_go` to the next."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.sync_engine
        self._most_in_use = 0
        event.listen(self._engine, "checkout", self._note_use)

    async def let_go(self) -> None:
        """Close the connections of the pool if less than half of them were ever in use at once since the last call.

        All of them, since the pool cannot take some out; who comes next opens one. None while one is in use.
        """
        pool = self._pool()
        most_in_use, self._most_in_use = self._most_in_use, pool.checkedout()
        if pool.checkedout() or pool.checkedin() <= 2 * most_in_use:
            return
        # In this order nobody is given a connection of the pool that is closed.
        self._engine.dispose(close=False)
        await greenlet_spawn(pool.dispose)

    def _note_use(self, *_: object) -> None:
        self._most_in_use = max(self._most_in_use, self._pool().checkedout())

    def _pool(self) -> QueuePool:
        return cast(QueuePool, self._engine.pool)
