"""What PostgreSQL is spared: the transactions that run are found in a table of their own, and a stop touches no
index."""

from collections.abc import Iterator

import psycopg

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1.recording_service_pb2 import TransactionEvent as Event
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.transaction.application.recording import Recorded, Recorder
from services.transaction.mapping.recording import EventMessage
from services.transaction.sql.meter_values import SqlMeterStore
from services.transaction.sql.recording import SqlRecordings
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    STARTED,
    UPDATED,
    event_201,
    minutes,
    start_16,
    stop_16,
)
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService

RUNNING = "SELECT charge_point_id, id_tag FROM running_transactions ORDER BY 1"
WRITTEN = "SELECT pg_stat_get_tuples_updated('transactions'::regclass)"
WRITTEN_IN_PLACE = "SELECT pg_stat_get_tuples_hot_updated('transactions'::regclass)"


async def test_the_table_has_the_transactions_that_run_with_their_tokens(database_url: str, record: Record) -> None:
    first, _ = await record(
        start_16(charge_point_id="CP1", id_tag="ONE"), event_201(STARTED, minutes(0), 0, charge_point_id="CP2")
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(RUNNING).fetchall() == [("CP1", "ONE"), ("CP2", "")]
        await record(
            stop_16(first.ocpp_transaction_id, minutes(9), charge_point_id="CP1"),
            event_201(UPDATED, minutes(1), 1, charge_point_id="CP2", id_tag="TWO", authorization=ACCEPTED),
        )
        assert connection.execute(RUNNING).fetchall() == [("CP2", "TWO")]


async def test_a_list_of_what_runs_has_nothing_else(record: Record, transactions: Reader) -> None:
    first, second = await record(start_16(charge_point_id="CP1"), start_16(charge_point_id="CP2", id_tag="OTHER"))
    await record(stop_16(first.ocpp_transaction_id, minutes(9), charge_point_id="CP1"))

    running = await transactions.list(state=transaction_pb.Transaction.ACTIVE)

    assert [transaction.id for transaction in running] == [second.transaction_id]
    for charge_point_id, found in (("CP1", []), ("CP2", [second.transaction_id])):
        running = await transactions.list(state=transaction_pb.Transaction.ACTIVE, charge_point_id=charge_point_id)
        assert [transaction.id for transaction in running] == found


async def test_stops_leave_the_indexes_of_transactions_alone(database_url: str, service: RunningService) -> None:
    names = [f"CP{number}" for number in range(100)]
    recordings = SqlRecordings(service.database, OutboxRelay(service.database, service.bus))
    recorder = Recorder(SqlMeterStore(service.database), recordings, SystemClock())

    async def record(events: Iterator[Event]) -> list[Recorded]:
        answers = await recorder.record([EventMessage(event) for event in events])
        # A connection tells what it counted when it is closed, at the latest.
        await recordings.close()
        return [answer for answer in answers if isinstance(answer, Recorded)]

    started = await record(start_16(charge_point_id=name, id_tag=f"TAG {name}") for name in names)
    with psycopg.connect(database_url, autocommit=True) as connection:

        async def counted() -> bool:
            return connection.execute(WRITTEN).fetchone() == (before + len(names),)

        [before], [in_place_before] = (
            connection.execute(count).fetchone() or () for count in (WRITTEN, WRITTEN_IN_PLACE)
        )
        await record(
            stop_16(answer.ocpp_transaction_id, minutes(30), charge_point_id=name)
            for name, answer in zip(names, started, strict=True)
        )
        await eventually(counted)
        [in_place] = connection.execute(WRITTEN_IN_PLACE).fetchone() or ()
    await recorder.close()

    assert in_place - in_place_before >= 0.8 * len(names)
