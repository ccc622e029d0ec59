"""What is open is looked at again until it is where it belongs, whatever fails, waits, restarts or shows a wrong time
meanwhile; on the real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from csms.fact.v1.doubt_pb2 import Doubt
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.transaction.application import matching
from services.transaction.application.placing import Placing
from services.transaction.application.silence import Silence
from services.transaction.domain.matching import Span
from services.transaction.sql.matching import SqlMatchings
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.transaction.conftest import Reader, Record, recorder
from tests.contract.services.transaction.reports import meter_values_16, minutes, moment, reading, start_16, stop_16
from tests.contract.services.transaction.test_matching import matcher_of, received_in_turn
from tests.fixtures.background import eventually
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.properties import examples
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

State = transaction_pb.Transaction
ENDED, MERGED, ORPHAN = State.ENDED, State.MERGED, State.ORPHAN
_OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
_FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF OLD.charge_point_id = 'CP1' THEN RAISE EXCEPTION 'odd' USING ERRCODE = '{code}'; END IF; RETURN OLD; END $$
"""


async def _run(database: Database, *statements: str) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@asynccontextmanager
async def _failing(database: Database, table: str, code: str) -> AsyncIterator[None]:
    """Nothing leaves the table that is of CP1; whoever tries gets an error of this code."""
    fails = f"CREATE TRIGGER fail BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION fail()"
    await _run(database, _FAIL.format(code=code), fails)
    try:
        yield
    finally:
        await _run(database, f"DROP TRIGGER fail ON {table}", "DROP FUNCTION fail")


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if half a minute went by between one look and the next."""
    monkeypatch.setattr(matching, "_OVERLAP", timedelta())


async def _orphan_and_start(record: Record, charge_point_id: str = "CP1") -> tuple[str, str]:
    """The ids of an end without a number and of the transaction that it means, told in the wrong order."""
    [stop] = await record(stop_16("-1", minutes(-30), charge_point_id=charge_point_id))
    [begun] = await record(
        start_16(minutes(-60), charge_point_id=charge_point_id, id_tag=charge_point_id, offline=True)
    )
    return stop.transaction_id, begun.transaction_id


@pytest.mark.parametrize(
    "mark", ["until_time + interval '1 day'", "until_time"], ids=["the mark of a clock that was ahead", "the mark"]
)
async def test_what_was_passed_over_is_looked_at_however_long_ago_it_was_told(
    service: RunningService, record: Record, transactions: Reader, mark: str
) -> None:
    await matcher_of(service).look()
    stop, begun = await _orphan_and_start(record)
    await _run(
        service.database,
        "UPDATE transactions SET update_time = update_time - interval '90 days'",
        f"UPDATE reconciliations SET until_time = {mark}",
    )
    assert await matcher_of(service).look() == 1
    assert (await transactions.get(stop)).merged_into == begun
    assert (await transactions.get(begun)).energy_wh == 5000


async def test_all_that_is_open_is_gone_through_a_page_after_the_other(
    service: RunningService, record: Record, transactions: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_AT_ONCE", 2)
    pairs = [await _orphan_and_start(record, f"CP{n}") for n in range(5)]
    await record(*(stop_16("0", minutes(-10 - n), charge_point_id="LONE") for n in range(3)))
    await matcher_of(service).look()
    await _run(service.database, "UPDATE reconciliations SET until_time = until_time + interval '1 day'")
    pairs += [await _orphan_and_start(record, f"DP{n}") for n in range(5)]
    matcher = matcher_of(service)
    moved = [await matcher.look() for _ in range(10)]
    assert (sum(moved), max(moved)) == (5, 2)
    assert {(await transactions.get(stop)).state for stop, _ in pairs} == {MERGED}


async def test_what_two_transactions_may_mean_is_not_placed_anew_until_something_changes(
    service: RunningService, record: Record, transactions: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[str] = []

    async def noting(self: Placing, charge_point_id: str, around: Span) -> int:
        placed.append(charge_point_id)
        return await place_ends(self, charge_point_id, around)

    place_ends = Placing.place_ends
    monkeypatch.setattr(Placing, "place_ends", noting)
    [one] = await record(start_16(minutes(-60), id_tag="A"))
    [other] = await record(start_16(minutes(-60), id_tag="B", connector_id=2))
    [stop] = await record(stop_16("0", minutes(-30)))
    matcher = matcher_of(service)
    for _ in range(4):
        await matcher.look()
    known = len(placed)
    assert known <= 2
    assert await matcher.look() == 0
    assert len(placed) == known
    await record(stop_16(one.ocpp_transaction_id, minutes(-20)))
    assert await matcher.look() == 1
    assert (await transactions.get(stop.transaction_id)).merged_into == other.transaction_id


# Errors of which the driver and the platform think differently: of nothing known, of a value, and as if all were away.
@pytest.mark.parametrize("code", ["P0001", "22008", "57014", "40P01"])
async def test_who_cannot_be_matched_is_tried_again_and_keeps_nobody_waiting(
    service: RunningService, record: Record, transactions: Reader, no_overlap: None, code: str
) -> None:
    pairs = [await _orphan_and_start(record, name) for name in ("CP0", "CP1", "CP2")]
    matcher = matcher_of(service)
    async with _failing(service.database, "transaction_events", code):
        assert await matcher.look() == 2
        for each in (matcher, matcher_of(service)):
            # When nobody but the one that fails is left, it says so.
            await asyncio.gather(each.look(), return_exceptions=True)
        assert [(await transactions.get(stop)).state for stop, _ in pairs] == [MERGED, ORPHAN, MERGED]
    assert await matcher.look() == 1
    assert (await transactions.get(pairs[1][0])).merged_into == pairs[1][1]


async def _told_beside(record: Record, charge_point_id: str) -> str:
    """The id of a transaction that was told of after the readings of it, which named none."""
    here = {"charge_point_id": charge_point_id}
    await record(meter_values_16("", minutes(-50), 2000, 3000, **here))
    [begun] = await record(start_16(minutes(-60), id_tag=charge_point_id, offline=True, **here))
    await record(stop_16(begun.ocpp_transaction_id, minutes(-30), meter_wh=None, **here))
    return begun.transaction_id


async def test_readings_that_could_not_be_given_to_their_transaction_are_so_later(
    service: RunningService, record: Record, transactions: Reader, no_overlap: None
) -> None:
    begun = [await _told_beside(record, name) for name in ("CP1", "CP2")]
    async with _failing(service.database, "meter_values", "P0001"):
        await matcher_of(service).look()
        with pytest.raises(Exception, match="odd"):
            await matcher_of(service).look()
    assert [(await transactions.get(one)).energy_wh for one in begun] == [0, 2000]
    await matcher_of(service).look()
    assert [(await transactions.get(one)).energy_wh for one in begun] == [2000, 2000]


async def test_what_was_being_recorded_while_others_looked_is_looked_at_afterwards(
    service: RunningService, record: Record, transactions: Reader, no_overlap: None
) -> None:
    await record(meter_values_16("", minutes(-50), 2000, 3000))
    matcher = matcher_of(service)
    async with service.database.transaction() as connection:
        # Reads and notes go on.
        await connection.execute(text("LOCK TABLE transactions IN SHARE MODE"))
        start = asyncio.ensure_future(record(start_16(minutes(-60), meter_wh=None, offline=True)))

        async def is_waiting() -> bool:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'transactions'::regclass"
            return bool(await connection.scalar(text(query)))

        await eventually(is_waiting)
        for _ in range(2):
            await matcher.look()
    [begun] = await start
    await matcher.look()
    assert len(await transactions.meter_values(begun.transaction_id)) == 2


async def test_a_move_whose_connection_was_cut_is_made_by_the_next_look(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    stop, begun = await _orphan_and_start(record)
    matcher = matcher_of(service)
    async with service.database.transaction() as connection:
        await connection.execute(text("LOCK TABLE transaction_events IN SHARE MODE"))
        look = asyncio.ensure_future(matcher.look())

        async def is_waiting() -> bool:
            return bool(await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

        await eventually(is_waiting)
        while not look.done():  # It tries again before it gives up.
            # Else a database transaction sees for ever who was there when it first looked.
            await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
            await connection.execute(text(f"{_OTHERS} AND datname = current_database()"))
            await asyncio.wait([look], timeout=0.05)
        with pytest.raises(Exception, match=r"database|terminat|connection|unavailable"):
            await look
    assert (await transactions.get(stop)).state == ORPHAN
    assert await matcher.look() == 1
    assert (await transactions.get(stop)).merged_into == begun


async def end_by_silence(service: RunningService) -> None:
    """End all that runs, as if nothing had been heard of it for days."""
    clock, relay = SystemClock(), OutboxRelay(service.database, service.bus)
    # Stations by OCPP 1.6 are not asked.
    commands = None
    silence = Silence(SqlUnitsOfWork(service.database, relay, clock), commands, clock, timedelta())  # type: ignore[arg-type]
    await silence.look()


@pytest.mark.parametrize("is_looked_at", [True, False])
async def test_a_transaction_that_was_ended_by_silence_is_ended_by_the_end_that_means_it(
    service: RunningService, record: Record, transactions: Reader, is_looked_at: bool
) -> None:
    matcher = matcher_of(service)
    [begun] = await record(start_16(minutes(-60), offline=True))
    await end_by_silence(service)
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.state, flags_of(transaction)) == (ENDED, ["ended_by_silence", "estimated_end", "no_register"])
    if is_looked_at:
        await matcher.look()
    [stop] = await record(stop_16("-1", minutes(-30), received_time=minutes(2)))
    assert await matcher.look() == 1
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.energy_wh, flags_of(transaction), moment(transaction.stop_time)) == (
        5000,
        ["matched_stop"],
        minutes(-30),
    )
    assert (await transactions.get(stop.transaction_id)).merged_into == begun.transaction_id


async def test_an_end_is_that_of_the_transaction_that_ran_not_of_one_that_was_lost_before(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    # A vehicle has left connector 2 days ago, and its end was never told.
    [lost] = await record(start_16(minutes(-6000), id_tag="B", connector_id=2, received_time=minutes(-6000)))
    await end_by_silence(service)
    await _run(
        service.database,
        # Noticed an hour before anything began at connector 1.
        "UPDATE transactions SET losses = (SELECT array_agg(lpad(to_hex((1::bigint << 60)"
        f" + {int(minutes(-120).timestamp())}::bigint * 1000000), 16, '0') || substr(l, 17)) FROM unnest(losses) l)",
    )
    [stop] = await record(stop_16("-1", minutes(-30)))
    [begun] = await record(start_16(minutes(-60), offline=True))
    assert await matcher_of(service).look() == 1
    assert (await transactions.get(stop.transaction_id)).merged_into == begun.transaction_id
    flags = flags_of(await transactions.get(lost.transaction_id))
    assert list(flags) == [
        "ended_by_silence",
        "estimated_end",
        "no_register",
    ]


class _Unsteady(Placing):
    """Fails when it is told to: before it has done anything, or when it has."""

    fails = ""

    async def place_ends(self, charge_point_id: str, around: Span) -> int:
        if self.fails == "before":
            raise RuntimeError("before")
        moved = await super().place_ends(charge_point_id, around)
        if self.fails == "after":
            raise RuntimeError("after")
        return moved


_REPORTED = received_in_turn(
    start_16(minutes(-600), id_tag="A", offline=True),
    stop_16("-1", minutes(-560), meter_wh=2000, id_tag="A"),
    start_16(minutes(-540), id_tag="B", meter_wh=2000, offline=True),
    meter_values_16("-1", minutes(-530), meter_values=[reading(minutes(-530), energy_wh=2500)]),
    stop_16("-1", minutes(-500), meter_wh=3500, id_tag="B"),
    start_16(minutes(-540), id_tag="C", meter_wh=9000, connector_id=2, offline=True),
    stop_16("4711", minutes(-490), meter_wh=9900, id_tag="C"),
    start_16(minutes(-480), id_tag="D", meter_wh=3500, offline=True),
    stop_16("0", minutes(-480), meter_wh=3500),
)
_BILLED = [("A", 1000), ("B", 1500), ("C", 900), ("D", 0)]
_CIRCUMSTANCES = [
    *("look", "other looks", "look that fails before", "look that fails after", "restart"),
    *("silence", "told again"),
    # A clock was ahead; and what was stamped long before it was committed.
    "UPDATE reconciliations SET until_time = until_time + interval '1 day'",
    "UPDATE transactions SET update_time = update_time - interval '60 days'",
]


@settings(max_examples=examples(0.25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Two that run side by side are given each other's end, and the mark is ahead before anybody has looked.
@example(order=[0, 1, 2, 3, 7, 6, 5, 4, 8], between=[[], [], [], [], [], ["look"], [], [], _CIRCUMSTANCES[-2:-1]])
@given(
    order=st.permutations(range(len(_REPORTED))),
    between=st.lists(
        st.lists(st.sampled_from(_CIRCUMSTANCES), max_size=3), min_size=len(_REPORTED), max_size=len(_REPORTED)
    ),
)
async def test_whatever_happens_between_what_is_told_all_is_placed_in_the_end(
    service: RunningService, emptied_database: FreshDatabase, order: list[int], between: list[list[str]]
) -> None:
    database = service.database
    emptied_database("transaction")
    async with aclosing(_World(service, await recorder(service))) as world:
        for number, circumstances in zip(order, between, strict=True):
            await world.record(_REPORTED[number])
            for circumstance in circumstances:
                await world.meet(circumstance, _REPORTED[number])
        await world.matcher.look()
        assert await _billed(database) == _BILLED
        assert await world.other.look() == 0


class _World:
    """Two replicas that look, one of them unsteadily, and what happens around them."""

    def __init__(self, service: RunningService, record: Record) -> None:
        clock, relay = SystemClock(), OutboxRelay(service.database, service.bus)
        self.record = record
        self._service = service
        self._units_of_work = SqlUnitsOfWork(service.database, relay, clock)
        self._matchings = [SqlMatchings(service.database, relay) for _ in range(2)]
        self._placing = _Unsteady(self._matchings[0], clock)
        self.matcher = matching.Matcher(self._units_of_work, self._placing)
        self.other = matching.Matcher(self._units_of_work, Placing(self._matchings[1], clock))

    async def aclose(self) -> None:
        """Close the connection of each replica: there is a world for each example."""
        for each in self._matchings:
            await each.close()

    async def meet(self, circumstance: str, event: recording_pb.TransactionEvent) -> None:
        """Have one of _CIRCUMSTANCES happen after the event."""
        match circumstance:
            case "look":
                await self.matcher.look()
            case "other looks":
                await self.other.look()
            case "restart":
                self.matcher = matching.Matcher(self._units_of_work, self._placing)
            case "silence":
                await end_by_silence(self._service)
            case "told again":
                await self.record(_again(event))
            case "look that fails before" | "look that fails after":
                self._placing.fails = circumstance.rpartition(" ")[2]
                await asyncio.gather(self.matcher.look(), return_exceptions=True)
                self._placing.fails = ""
            case statement:
                await _run(self._service.database, statement)


def _again(event: recording_pb.TransactionEvent) -> recording_pb.TransactionEvent:
    """The same words, when the card can be decided about and the clock is known to be ahead by a second."""
    again = recording_pb.TransactionEvent.FromString(event.SerializeToString())
    if event.kind == recording_pb.TransactionEvent.ENDED:
        again.authorization = State.ACCEPTED
        again.corrected_time.FromDatetime(moment(event.corrected_time) - timedelta(seconds=1))
        again.flags.append(Doubt.CLOCK_CORRECTED)
    again.received_time.FromDatetime(minutes(5))
    return again


async def _billed(database: Database) -> list[tuple[object, ...]]:
    """The transactions with their energy, those that are not as they should be by all that is wrong with them."""
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT id_tag, energy_wh, state, flags FROM transactions WHERE state <> 'MERGED' ORDER BY id_tag")
        )
        return [
            (tag, energy_wh) if (state, flags) == ("ENDED", ["matched_stop"]) else (tag, energy_wh, state, flags)
            for tag, energy_wh, state, flags in rows
        ]
