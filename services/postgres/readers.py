"""Reads in one round trip: statements that only read, on connections that are kept for them and prepare each once.

For what is read often. The way of `Database.statements` through SQLAlchemy costs ten times as much as such a read.
Knows no statement.
"""

import asyncio
from collections.abc import Sequence

from services.kernel.tenancy import DEFAULT_TENANT, current_tenant
from services.postgres import tenancy
from services.postgres.database import Database, translated, wait_for_turn
from services.postgres.roundtrip import RoundTrips, Rows, Statement

_READ_ONLY = {"default_transaction_read_only": "on"}


class Readers:
    """Connections for reads: at most `count` for the platform and as many for tenants, opened when first needed."""

    def __init__(self, database: Database, count: int = 4) -> None:
        self._platform = _Lanes(database, count, _READ_ONLY)
        self._tenants = _Lanes(database, count, {**_READ_ONLY, **tenancy.CONNECTION_PARAMETERS})

    async def ask(self, *statements: Statement) -> list[Rows]:
        """The rows of each statement, of the tenant that the current task works for; all of them for the platform.

        Each sees what is committed when it begins; PostgreSQL refuses one that writes. Raises as `database` says.
        """
        tenant_id = current_tenant()
        with translated():
            if tenant_id is None:
                return await self._platform.run(statements)
            if tenant_id == DEFAULT_TENANT:
                return await self._tenants.run(statements)
            # For as long as the transaction lasts, which is that of the round trip.
            return (await self._tenants.run([(tenancy.BARE_NARROW, (tenant_id,)), *statements]))[1:]

    async def close(self) -> None:
        """Close the connections; those in use when they are done."""
        await self._platform.close()
        await self._tenants.close()


class _Lanes:
    """Connections that are all alike, each used by one round trip at a time."""

    def __init__(self, database: Database, count: int, parameters: dict[str, str]) -> None:
        self._database = database
        self._parameters = parameters
        self._turns = asyncio.Semaphore(count)
        # Last in, first out: the others may end for want of use, and one that was used has prepared what it is asked.
        self._free: list[RoundTrips] = []
        self._is_closed = False

    async def run(self, statements: Sequence[Statement]) -> list[Rows]:
        await wait_for_turn(self._turns)
        try:
            trips = await self._open()
            try:
                return await trips.run(*statements)
            finally:
                await self._give_back(trips)
        finally:
            self._turns.release()

    async def close(self) -> None:
        self._is_closed = True
        while self._free:
            await self._free.pop().close()

    async def _open(self) -> RoundTrips:
        while self._free:
            trips = self._free.pop()
            if not trips.has_lost_its_peer:
                return trips
            await trips.close()
        return RoundTrips(await self._database.connect(**self._parameters))

    async def _give_back(self, trips: RoundTrips) -> None:
        if self._is_closed or not trips.is_idle:
            # Broken off in the middle: what is left on it belongs to nobody.
            await trips.close()
        else:
            self._free.append(trips)
