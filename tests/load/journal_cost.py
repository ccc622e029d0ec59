"""What the journal costs, in rows and compressed: CPU, WAL and bytes on disk for each exchange, and what lists take.

`python -m tests.load.journal_cost` starts a PostgreSQL of its own (fsync on). Charge points by OCPP 1.6 send readings
under ids of their own; so many come in a call, and are sorted when the product would sort them. Both ways get the same
exchanges, in turns. Calls come as gRPC reads them from its socket; gRPC itself is not in it, nor is the edge
(edge_cost.py).
"""

import argparse
import gc
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import uvloop

from csms.transaction.v1.journal_service_pb2 import (
    AppendBatchesRequest,
    AppendMessagesRequest,
    JournalBatch,
    OcppMessage,
)
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.kernel.pagination import PageRequest, page_request
from services.postgres.database import Database
from services.postgres.partitions import maintain
from services.rpc.protobuf import timestamp
from services.transaction.application.journal import Sorter
from services.transaction.domain.message import MessageFilter
from services.transaction.mapping.exchanges import batch_of
from services.transaction.mapping.messages import message_of
from services.transaction.sql.journal_batches import SqlJournalBatches
from services.transaction.sql.messages import SqlMessageRepository
from tests.fixtures.journal import journal_batch
from tests.load.costs import Costs, databases

_TABLES = {"rows": ("ocpp_messages",), "compressed": ("journal_batches", "journal_segments")}
_VALUE = '{"value":"%s","context":"Sample.Periodic","measurand":"%s","unit":"%s","location":"Outlet"}'
_SIZE = "SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree(to_regclass(%s))"
_WAL = b"SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"


class Fleet:
    """Charge points that send MeterValues in turn, a second apart for all of them."""

    def __init__(self, charge_points: int) -> None:
        self._chance = random.Random(1)
        self._names = [f"CP{number:06}" for number in range(charge_points)]
        # The same content under another name: each way has charge points of its own.
        self.first = {"rows": self._names[0], "compressed": f"{self._names[0]}C"}
        self._wh = dict.fromkeys(self._names, 0)
        # What they have said when the bench is over shall not lie in the future.
        self._clock = datetime.now(UTC) - timedelta(hours=20)
        self._next = 0

    def exchanges(self, count: int) -> Iterator[OcppMessage]:
        """The next, each charge point in its turn."""
        for _ in range(count):
            name = self._names[self._next % len(self._names)]
            self._next += 1
            self._clock += timedelta(seconds=1) / len(self._names)
            yield self._exchange(name)

    def _exchange(self, name: str) -> OcppMessage:
        chance = self._chance
        message_id = str(UUID(int=chance.getrandbits(128)))
        self._wh[name] += chance.randrange(200)
        values = (
            (str(self._wh[name]), "Energy.Active.Import.Register", "Wh"),
            (f"{chance.randrange(70_000, 110_000) / 10}", "Power.Active.Import", "W"),
            (f"{chance.randrange(0, 32_000) / 1000}", "Current.Import", "A"),
            (f"{chance.randrange(225_000, 235_000) / 1000}", "Voltage", "V"),
        )
        sampled = ",".join(_VALUE % value for value in values)
        at = self._clock.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        value = f'{{"timestamp":"{at}","sampledValue":[{sampled}]}}'
        payload = f'{{"connectorId":1,"transactionId":{1000 + len(name)},"meterValue":[{value}]}}'
        return OcppMessage(
            id=new_id(),
            charge_point_id=name,
            epoch=7,
            direction=OcppMessage.INBOUND,
            kind=OcppMessage.CALL,
            message_id=message_id,
            action="MeterValues",
            frame=f'[2,"{message_id}","MeterValues",{payload}]',
            time=timestamp(self._clock + timedelta(microseconds=chance.randrange(1000))),
            protocol="ocpp1.6",
            answer_kind=OcppMessage.CALL_RESULT,
            answer_frame=f'[3,"{message_id}",{{}}]',
            latency_us=chance.randrange(3000, 9000),
        )


class Bench:
    """Both ways on one database."""

    def __init__(self, database: Database, costs: Costs, lists: Costs, options: argparse.Namespace) -> None:
        self._database = database
        self._costs = costs
        self._lists = lists
        self._fleet = Fleet(options.charge_points)
        self._size, self._calls = options.size, options.calls
        self._journal = SqlJournalBatches(database, SystemClock())
        self._sorter = Sorter(self._journal)
        self._wal = dict.fromkeys(_TABLES, 0)

    async def round(self) -> None:
        """The same exchanges in rows, and in batches."""
        made = [list(self._fleet.exchanges(self._size)) for _ in range(self._calls)]
        calls = [AppendMessagesRequest(messages=messages).SerializeToString() for messages in made]
        batches = [[journal_batch(map(_renamed, messages))] for messages in made]
        small_calls = [AppendBatchesRequest(batches=batch).SerializeToString() for batch in batches]

        async def in_rows() -> None:
            for call in calls:
                request = AppendMessagesRequest.FromString(call)
                await self._journal.append([message_of(message) for message in request.messages])

        await self._measure("rows", in_rows)

        async def in_batches() -> None:
            for call in small_calls:
                await self._append(AppendBatchesRequest.FromString(call).batches[0])

        await self._measure("compressed", in_batches)

    async def _append(self, message: JournalBatch) -> None:
        batch = batch_of(message)
        await self._journal.append_batches([batch])
        self._sorter.note([batch])
        if self._sorter.is_due:
            await self._sorter.sort()

    async def sort(self) -> None:
        """Sort what waits, as the product does at least once an hour."""
        await self._sorter.sort()

    async def _measure(self, way: str, work: Callable[[], Awaitable[None]]) -> None:
        before = await self._number(_WAL)
        await self._costs.measure(way, work, items=self._size * self._calls, calls=self._calls)
        self._wal[way] += await self._number(_WAL) - before

    async def print_sizes(self, exchanges: int) -> None:
        """Bytes of WAL and on disk, indexes and TOAST included."""
        async with self._database.raw() as connection:
            await connection.execute(b"VACUUM ANALYZE")
        for way, tables in _TABLES.items():
            sizes = [await self._number(_SIZE.encode(), table) or 0 for table in tables]
            wal, disk = self._wal[way] / exchanges, sum(sizes) / exchanges
            print(f"{way:12} bytes per exchange: {wal:7.0f} of WAL{disk:8.0f} on disk")

    async def measure_lists(self, rounds: int) -> None:
        """What lists of one charge point cost the service and the database, by either way."""
        for _ in range(rounds):
            for way, name in self._fleet.first.items():
                for action in ("", "MeterValues", "Heartbeat"):
                    narrowing = MessageFilter(charge_point_id=name, action=action)
                    await self._lists.measure(
                        f"{way}: first page of 50 {action}", partial(self._first_pages, narrowing), items=20, calls=20
                    )
                pages = partial(self._all_pages, MessageFilter(charge_point_id=name))
                await self._lists.measure(f"{way}: all pages of 250", pages, items=1, calls=1)

    async def _first_pages(self, narrowing: MessageFilter) -> None:
        for _ in range(20):
            await self._page(narrowing, page_request(50, ""))

    async def _page(self, narrowing: MessageFilter, page: PageRequest) -> str:
        async with self._database.transaction() as connection:
            return (await SqlMessageRepository(connection).page(narrowing, page)).next_token

    async def _all_pages(self, narrowing: MessageFilter) -> None:
        token = await self._page(narrowing, page_request(250, ""))
        while token:
            token = await self._page(narrowing, page_request(250, token))

    async def _number(self, query: bytes, *parameters: str) -> int:
        async with self._database.raw() as connection:
            row = await (await connection.execute(query, parameters)).fetchone()
        return row[0] if row else 0

    async def close(self) -> None:
        """Close the connections."""
        await self._journal.close()


def _renamed(message: OcppMessage) -> OcppMessage:
    renamed = OcppMessage()
    renamed.CopyFrom(message)
    renamed.charge_point_id += "C"
    return renamed


async def _run(url: str, costs: Costs, lists: Costs, options: argparse.Namespace) -> None:
    database = Database(url)
    for table in ("ocpp_messages", "journal_segments"):
        async with database.transaction() as connection:
            await maintain(connection, table, retention_days=30, today=datetime.now(UTC).date())
    bench = Bench(database, costs, lists, options)
    # As services have it (services/rpc/server.py).
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    for _ in range(options.rounds):
        await bench.round()
    await bench.sort()
    print(f"calls with {options.size} exchanges of {options.charge_points} charge points")
    costs.print("exchange", "call")
    await bench.print_sizes(options.rounds * options.calls * options.size)
    if options.lists:
        await bench.measure_lists(options.rounds)
        lists.print("list", "list")
    await bench.close()
    await database.close()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=50, help="exchanges per call")
    parser.add_argument("--calls", type=int, default=200, help="calls per round")
    parser.add_argument("--charge-points", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lists", action="store_true", help="measure lists as well")
    options = parser.parse_args()
    with databases({"transaction": "csms_charge_points"}) as ([url], server):
        uvloop.run(_run(url, Costs(server), Costs(server), options))


if __name__ == "__main__":
    main()
