"""Transactions with broken messages, from their frames to their rows: the edge's routes before the real service."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.driver.v1.authorization_service_pb2 import TokenPresentation
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.station.v1.connectivity_service_pb2 import BootAnswer, BootReport, StatusReport
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1.recording_service_pb2 import TransactionEvent, TransactionEventAnswer
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Call, parse
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v21 import routes as v21
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from services.kernel.clock import Clock, SystemClock
from services.rpc.status import from_item_error
from tests.contract.services.transaction.conftest import Reader, Record, reader, recorder
from tests.contract.services.transaction.test_matching import matcher_of
from tests.fixtures.broken_transactions import (
    NUMBER,
    START_WH,
    STOP_WH,
    Reported,
    broken_transactions,
    sound_transaction,
)
from tests.fixtures.properties import examples
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

pytestmark = pytest.mark.field_case("A2", "A3", "B2")

ENDED, MERGED = transaction_pb.Transaction.ENDED, transaction_pb.Transaction.MERGED
TABLES: dict[Version, RouteTable[Any]] = {
    Version.V16: v16.route_table(),
    Version.V201: v201.route_table(),
    Version.V21: v21.route_table(),
}
BEGUN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
_NAMES = count()


class Backend:
    """Satisfies ports.Backend: transactions are the real service's, and every token is good."""

    def __init__(self, record: Record) -> None:
        self.clock: Clock = SystemClock()
        self._record = record

    async def report_boot(self, boot: BootReport) -> BootAnswer:
        raise NotImplementedError

    async def report_status(self, status: StatusReport) -> None:
        raise NotImplementedError

    async def authorize(self, presentation: TokenPresentation) -> TokenDecision:
        return TokenDecision(status=TokenDecision.ACCEPTED, driver_id="D")

    async def record(self, event: TransactionEvent) -> TransactionEventAnswer:
        [answer] = await self._record(event)
        if answer.HasField("error"):
            raise from_item_error(answer.error)
        return answer


async def play(reported: Reported, charge_point_id: str, record: Record) -> None:
    """Tell a transaction as its charge point does, which puts the number that it is given into what it says later."""
    context, backend = ChargerContext(charge_point_id, reported.version, epoch=1), Backend(record)
    number = b'"transactionId":%d' % NUMBER
    for message in reported.messages:
        call = parse(message.frame.replace(b'"transactionId":%d' % NUMBER, number), reported.version, context.forgives)
        assert isinstance(call, Call), reported.breaks
        context.received_time, context.frame_flags = message.received_time, call.flags
        answer = await TABLES[reported.version].dispatch(call.action, call.payload, context, backend)
        if "transactionId" in answer:
            number = b'"transactionId":%d' % answer["transactionId"]


async def transactions_of(charge_point_id: str, transactions: Reader) -> Sequence[transaction_pb.Transaction]:
    """What is left when all has found its place."""
    found = await transactions.list(charge_point_id=charge_point_id)
    return [transaction for transaction in found if transaction.state != MERGED]


@pytest.fixture
async def record(service: RunningService) -> Record:
    return await recorder(service)


@pytest.fixture
async def transactions(service: RunningService) -> Reader:
    return await reader(service)


@pytest.mark.parametrize("version", TABLES)
@settings(
    max_examples=examples(0.4),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(data=st.data())
async def test_a_transaction_of_broken_messages_is_one_transaction_that_ended_with_its_energy(
    version: Version, service: RunningService, record: Record, transactions: Reader, data: st.DataObject
) -> None:
    reported = data.draw(broken_transactions(version, BEGUN))
    charge_point_id = f"CP{next(_NAMES)}"
    await play(reported, charge_point_id, record)
    await matcher_of(service).look()
    [transaction] = await transactions_of(charge_point_id, transactions)
    assert transaction.state == ENDED, reported.breaks
    assert transaction.energy_wh == STOP_WH - START_WH, (reported.breaks, transaction)


@pytest.mark.parametrize("info", [b"null", b'{"transactionId":{}}', b'{"chargingState":"Charging"}', b"[]"])
async def test_a_start_without_its_name_is_that_of_the_transaction_that_ends_there(
    info: bytes, service: RunningService, record: Record, transactions: Reader
) -> None:
    reported = sound_transaction(Version.V201, BEGUN)
    name = b'{"transactionId":"T1","chargingState":"Charging"}'
    first, *others = reported.messages
    nameless = first._replace(frame=first.frame.replace(name, info))
    assert nameless != first
    charge_point_id = f"CP{next(_NAMES)}"
    await play(reported._replace(messages=[nameless, *others]), charge_point_id, record)
    await matcher_of(service).look()
    [transaction] = await transactions_of(charge_point_id, transactions)
    assert (transaction.state, transaction.energy_wh, transaction.id_tag) == (ENDED, STOP_WH - START_WH, "CARD")
    assert {"matched_stop", "coerced:transactionInfo.transactionId"} <= {*flags_of(transaction)}
    # Those of the updates have come along.
    assert len(await transactions.meter_values(transaction.id)) == 9
