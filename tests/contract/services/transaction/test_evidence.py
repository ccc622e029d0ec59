"""Transactions that charge points have forgotten: from what the station service tells to the rows, and to whoever
waits."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2_grpc as command_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as service_grpc
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from services.kernel.clock import SystemClock
from services.kernel.errors import failed_precondition
from services.transaction.application.silence import Silence
from tests.contract.services.transaction.conftest import Reader, Record, reader, recorder
from tests.contract.services.transaction.platform import Edge, Stations, commands_on, running_edge
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    STARTED,
    UPDATED,
    event,
    event_201,
    meter_values_16,
    minutes,
    moment,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.background import eventually
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner
from tests.fixtures.shorthand import flags_of
from tests.fixtures.tokens import Tokens

pytestmark = pytest.mark.field_case("A6")

ACTIVE, ENDED = transaction_pb.Transaction.ACTIVE, transaction_pb.Transaction.ENDED
BY_BOOT = ["ended_by_boot", "estimated_end"]


@dataclass
class Site:
    """Charge point CP1, connected by OCPP 1.6, in front of the real station and transaction services."""

    service: RunningService
    stations: Stations
    edge: Edge
    record: Record
    transactions: Reader
    epoch: int

    async def becomes(self, transaction_id: str, state: Any) -> transaction_pb.Transaction:
        """Wait until the transaction is in `state`."""

        async def is_in_state() -> bool:
            return bool((await self.transactions.get(transaction_id)).state == state)

        await eventually(is_in_state)
        return await self.transactions.get(transaction_id)

    async def charges(self, transaction_id: str, state: str) -> None:
        """Wait until its charging state is `state`."""

        async def is_in_state() -> bool:
            return (await self.transactions.get(transaction_id)).charging_state == state

        await eventually(is_in_state)

    async def reboot(self, status: Any, connector_id: int = 1) -> None:
        """The charge point boots, then says what its connector does."""
        await self.stations.boot("CP1", self.epoch)
        await self.stations.status("CP1", self.epoch, status, connector_id)


def ago(number: float) -> datetime:
    """So many seconds before now."""
    return datetime.now(UTC) - timedelta(seconds=number)


@pytest.fixture
async def site(
    run_service: ServiceRunner, tokens: Tokens, emptied_database: FreshDatabase, database_url: str
) -> AsyncIterator[Site]:
    async with running_edge(tokens) as edge:
        stations = await run_service("station", background=True, database_url=emptied_database("station"))
        service = await run_service(
            "transaction", background=True, database_url=database_url, station_service_url=stations.address
        )
        known = Stations(stations)
        await known.create("CP1")
        epoch = await known.connect("CP1", edge)
        yield Site(service, known, edge, await recorder(service), await reader(service), epoch)


async def _started(site: Site, **fields: Any) -> str:
    """The id of a transaction that began a minute ago, with two readings."""
    began = {"received_time": ago(60), "evse_id": 1, **fields}
    [begun] = await site.record(start_16(ago(60), **began))
    samples = [reading(ago(seconds), energy_wh=wh) for seconds, wh in ((50, 2000), (40, 3000))]
    await site.record(
        meter_values_16(begun.ocpp_transaction_id, ago(40), meter_values=samples, received_time=ago(40), evse_id=1)
    )
    return str(begun.transaction_id)


@pytest.mark.parametrize("before", [None, Connector.AVAILABLE, Connector.CHARGING])
@pytest.mark.parametrize("after", [Connector.AVAILABLE, Connector.PREPARING])
async def test_a_transaction_ends_when_its_connector_is_free_after_a_boot(site: Site, before: Any, after: Any) -> None:
    if before is not None:
        await site.stations.status("CP1", site.epoch, before)
    transaction_id = await _started(site)
    await site.reboot(after)
    transaction = await site.becomes(transaction_id, ENDED)
    assert (transaction.energy_wh, transaction.stop_reason, flags_of(transaction)) == (2000, "Reboot", BY_BOOT)
    assert ago(45) < moment(transaction.stop_time) < ago(35)
    # Its card is free, and nothing runs that would keep the charge point from being deleted.
    [elsewhere] = await site.record(start_16(ago(0), charge_point_id="CP2"))
    assert elsewhere.authorization == ACCEPTED
    assert await site.transactions.list(charge_point_id="CP1", state=ACTIVE) == []


async def test_a_boot_alone_or_a_connector_that_charges_on_is_no_evidence(site: Site) -> None:
    transaction_id = await _started(site)
    await site.reboot(Connector.CHARGING)
    await site.charges(transaction_id, "Charging")
    await site.stations.status("CP1", site.epoch, Connector.SUSPENDED_EV)
    await site.charges(transaction_id, "SuspendedEV")
    assert (await site.transactions.get(transaction_id)).state == ACTIVE


async def test_a_true_end_corrects_the_estimate_and_later_readings_take_it_back(site: Site) -> None:
    transaction_id = await _started(site)
    number = (await site.transactions.get(transaction_id)).ocpp_transaction_id
    await site.reboot(Connector.AVAILABLE)
    await site.becomes(transaction_id, ENDED)
    later = meter_values_16(number, ago(-5), 4000, received_time=ago(0))
    await site.record(later)
    transaction = await site.transactions.get(transaction_id)
    assert (transaction.state, transaction.energy_wh, flags_of(transaction)) == (ACTIVE, 3000, [])
    await site.reboot(Connector.PREPARING)
    await site.record(stop_16(number, ago(30), meter_wh=3500, received_time=ago(0)))
    transaction = await site.transactions.get(transaction_id)
    assert (transaction.state, transaction.energy_wh, transaction.stop_reason) == (ENDED, 2500, "Local")
    assert not {*BY_BOOT} & {*flags_of(transaction)}


async def test_statuses_say_how_a_transaction_by_ocpp_16_charges(site: Site) -> None:
    transaction_id = await _started(site)
    said = [
        (Connector.PREPARING, "EVConnected"),
        (Connector.CHARGING, "Charging"),
        (Connector.SUSPENDED_EV, "SuspendedEV"),
        (Connector.SUSPENDED_EVSE, "SuspendedEVSE"),
        (Connector.FINISHING, "EVConnected"),
    ]
    for status, state in said:
        await site.stations.status("CP1", site.epoch, status)
        await site.charges(transaction_id, state)
    number = (await site.transactions.get(transaction_id)).ocpp_transaction_id
    await site.record(stop_16(number, ago(0), meter_wh=3500, received_time=ago(0)))
    await site.stations.status("CP1", site.epoch, Connector.AVAILABLE)
    stub = service_grpc.TransactionServiceStub(await site.service.channel())
    asked = service_pb.BatchGetChargingStatesRequest(ids=[transaction_id])
    [found] = (await stub.BatchGetChargingStates(asked)).transactions
    assert found.transaction_id == transaction_id
    assert [change.charging_state for change in found.changes] == [state for _, state in said]
    times = [moment(change.time) for change in found.changes]
    assert times == sorted(times)
    assert all(ago(30) < time <= ago(0) for time in times)


@pytest.mark.field_case("D1")
async def test_a_status_that_was_kept_back_until_its_transaction_was_over_says_how_it_charged(site: Site) -> None:
    """All of it is told within moments, as after a time offline."""
    [begun] = await site.record(start_16(ago(7200), received_time=ago(0), evse_id=1))
    await site.record(stop_16(begun.ocpp_transaction_id, ago(60), meter_wh=3500, received_time=ago(0)))
    await site.stations.status("CP1", site.epoch, Connector.SUSPENDED_EV, time=ago(3600))
    stub = service_grpc.TransactionServiceStub(await site.service.channel())
    asked = service_pb.BatchGetChargingStatesRequest(ids=[begun.transaction_id])

    async def is_known() -> bool:
        found = (await stub.BatchGetChargingStates(asked)).transactions
        return [change.charging_state for one in found for change in one.changes] == ["SuspendedEV"]

    await eventually(is_known)


async def test_a_station_by_ocpp_201_is_asked_after_its_transactions_when_it_has_booted(site: Site) -> None:
    began = event_201(
        STARTED, ago(60), 0, received_time=ago(60), id_tag="TAG", authorization=ACCEPTED, charge_point_id="CP1"
    )
    [begun] = await site.record(began)
    await site.stations.boot("CP1", await site.stations.connect("CP1", site.edge, "ocpp2.0.1"))
    stub = command_grpc.CommandServiceStub(await site.service.channel())

    async def is_asked() -> bool:
        listed = await stub.ListCommands(command_pb.ListCommandsRequest(charge_point_id="CP1"))
        return [one.kind for one in listed.commands] == ["get_transaction_status"]

    await eventually(is_asked)
    [question] = (await stub.ListCommands(command_pb.ListCommandsRequest(charge_point_id="CP1"))).commands
    assert (question.body.get_transaction_status.ocpp_transaction_id, question.requested_by) == (
        "T-1",
        "service:transaction",
    )
    assert (await site.transactions.get(begun.transaction_id)).state == ACTIVE


# --- what needs the transaction service alone


@pytest.fixture
async def stub(service: RunningService) -> service_grpc.TransactionServiceStub:
    return service_grpc.TransactionServiceStub(await service.channel("operator", sub="ann"))


async def test_the_register_at_the_start_says_nothing_of_how_long_a_transaction_went_on(
    record: Record, transactions: Reader
) -> None:
    begin = minutes(-60).replace(microsecond=700_000)
    of_transaction: dict[str, Any] = {"protocol": "ocpp2.0.1", "ocpp_transaction_id": "T-1", "evse_id": 1}
    values = [reading(begin, energy_wh=1000, context="Transaction.Begin")]
    reported = of_transaction | {
        "id_tag": "TAG",
        "authorization": ACCEPTED,
        "meter_values": values,
        "received_time": begin,
    }
    [begun] = await record(event(STARTED, begin, **reported))
    await record(event(TransactionEvent.LOST, minutes(-10), **of_transaction, received_time=minutes(-10)))
    assert moment((await transactions.get(begun.transaction_id)).stop_time) == minutes(-10)


async def test_readings_of_power_alone_say_how_long_a_transaction_went_on(record: Record, transactions: Reader) -> None:
    of_transaction: dict[str, Any] = {"protocol": "ocpp2.0.1", "ocpp_transaction_id": "T-1", "evse_id": 1}
    begin, read = minutes(-60), minutes(-30)
    reported = of_transaction | {"id_tag": "TAG", "authorization": ACCEPTED, "received_time": begin}
    [begun] = await record(event(STARTED, begin, **reported))
    values = [reading(read, power_w=7_000)]
    await record(event(UPDATED, read, **of_transaction, meter_values=values, seq_no=1, received_time=read))
    await record(event(TransactionEvent.LOST, minutes(-10), **of_transaction, received_time=minutes(-10)))
    assert moment((await transactions.get(begun.transaction_id)).stop_time) == read


async def test_that_a_transaction_does_not_go_on_ends_it(record: Record, transactions: Reader) -> None:
    def reported(kind: Any, at: float, **fields: Any) -> TransactionEvent:
        usual = {"protocol": "ocpp2.0.1", "ocpp_transaction_id": "T-1", "received_time": minutes(at)}
        return event(kind, minutes(at), **{**usual, **fields})

    [begun] = await record(reported(STARTED, -60, id_tag="TAG", authorization=ACCEPTED, evse_id=1))
    values = [reading(minutes(-40), energy_wh=wh, context=context) for wh, context in ((1000, "Transaction.Begin"),)]
    await record(reported(UPDATED, -40, meter_values=[*values, reading(minutes(-39), energy_wh=3000)], seq_no=1))
    lost = reported(TransactionEvent.LOST, -10)
    answers = await record(lost, lost)
    assert [answer.transaction_id for answer in answers] == [begun.transaction_id] * 2
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.state, flags_of(transaction)) == (ENDED, ["estimated_end", "not_ongoing"])
    assert moment(transaction.stop_time) == minutes(-39)
    # It was the answer of a station that had restarted, and goes on after all.
    await record(reported(UPDATED, -5, charging_state="Charging", seq_no=2))
    assert (await transactions.get(begun.transaction_id)).state == ACTIVE


class _Asking:
    """Looks for silent transactions on a service's database; charge points are asked through their nodes."""

    def __init__(self, service: RunningService, stations: RunningService | None, tokens: Tokens) -> None:
        self._service, self._stations, self._tokens = service, stations, tokens

    async def look(self, bound: timedelta = timedelta(hours=72)) -> int:
        async with commands_on(self._service, self._stations, self._tokens) as (units_of_work, commands):
            return await Silence(units_of_work, commands, SystemClock(), bound).look()


DAYS = 24 * 60.0


def _long_ago(days: float, number: int = 1) -> dict[str, Any]:
    at = minutes(-days * DAYS)
    return {"received_time": at, "charge_point_id": f"CP{number}", "id_tag": f"TAG{number}"}


async def test_a_transaction_of_which_nothing_is_heard_for_days_ends_when_it_was_last_heard_of(
    service: RunningService, record: Record, transactions: Reader, tokens: Tokens
) -> None:
    async def begun(number: int, days: float) -> Any:
        [answer] = await record(start_16(minutes(-days * DAYS), **_long_ago(days, number)))
        return answer

    silent, read, fresh, replayed = [await begun(number, days) for number, days in ((1, 5), (2, 5), (3, 2), (4, 9))]
    for answer, number, sampled, received in ((silent, 1, 4, 4), (read, 2, 1, 1), (replayed, 4, 8, 0.1)):
        at = {"received_time": minutes(-received * DAYS), "charge_point_id": f"CP{number}"}
        await record(meter_values_16(answer.ocpp_transaction_id, minutes(-sampled * DAYS), 4000, **at))
    looking = _Asking(service, None, tokens)
    assert (await looking.look(), await looking.look()) == (1, 0)
    transaction = await transactions.get(silent.transaction_id)
    assert (transaction.state, transaction.energy_wh, moment(transaction.stop_time)) == (
        ENDED,
        3000,
        minutes(-4 * DAYS),
    )
    assert flags_of(transaction) == ["ended_by_silence", "estimated_end"]
    assert {(await transactions.get(one.transaction_id)).state for one in (read, fresh, replayed)} == {ACTIVE}
    # It was in a garage: the true end takes its place, as ever.
    late = stop_16(silent.ocpp_transaction_id, minutes(-3.5 * DAYS), meter_wh=9000, charge_point_id="CP1")
    await record(late)
    transaction = await transactions.get(silent.transaction_id)
    assert (transaction.energy_wh, flags_of(transaction)) == (8000, [])
    # A shorter bound ends those that were silent for that long.
    assert await looking.look(timedelta(hours=36)) == 1
    assert (await transactions.get(fresh.transaction_id)).state == ENDED


@pytest.mark.parametrize("goes_on", [True, False, None])
async def test_a_silent_transaction_by_ocpp_201_is_asked_after_first(
    run_service: ServiceRunner,
    service: RunningService,
    record: Record,
    transactions: Reader,
    tokens: Tokens,
    emptied_database: FreshDatabase,
    goes_on: bool | None,
) -> None:
    stations = await run_service("station", database_url=emptied_database("station"))
    known = Stations(stations)
    await known.create("CP1")
    long_ago = _long_ago(5)
    [begun] = await record(event_201(STARTED, minutes(-5 * DAYS), 0, authorization=ACCEPTED, **long_ago))

    def answer(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        if goes_on is None:
            raise failed_precondition("OCPP_CALL_ERROR", "the charge point answered NotImplemented")
        response = edge_pb.DeliverCommandResponse(accepted=True)
        response.answer.update({"messagesInQueue": False, "ongoingIndicator": goes_on})
        return response

    async def tells() -> None:
        # As the edge does with every such answer, before it hands it on.
        if goes_on is not None:
            kind = UPDATED if goes_on else TransactionEvent.LOST
            trigger = "Trigger" if goes_on else ""
            reported: dict[str, Any] = {"received_time": ago(0), "ocpp_transaction_id": "T-1", "protocol": "ocpp2.0.1"}
            await record(event(kind, ago(0), trigger_reason=trigger, **reported))

    async with running_edge(tokens) as edge:
        edge.answer, edge.before = answer, tells
        await known.connect("CP1", edge, "ocpp2.0.1")
        assert await _Asking(service, stations, tokens).look() == (1 if goes_on is None else 0)
        [asked] = edge.delivered
        assert asked.body.get_transaction_status.ocpp_transaction_id == "T-1"
    transaction = await transactions.get(begun.transaction_id)
    concluded = {True: [], False: ["estimated_end", "not_ongoing"], None: ["ended_by_silence", "estimated_end"]}
    flags = set(flags_of(transaction)) - {"no_register"}
    assert (transaction.state, flags) == (ACTIVE if goes_on else ENDED, set(concluded[goes_on]))


async def _end(stub: service_grpc.TransactionServiceStub, id: str, **fields: Any) -> transaction_pb.Transaction:
    request = service_pb.EndTransactionRequest(id=id, **{"reason": "the charger burnt down", **fields})
    return (await stub.EndTransaction(request)).transaction


async def _ghost(record: Record) -> tuple[str, str]:
    """Id and number of a transaction that told two readings, half an hour ago the last."""
    [begun] = await record(start_16(minutes(-60), received_time=minutes(-60)))
    reported = {"received_time": minutes(-30)}
    await record(meter_values_16(begun.ocpp_transaction_id, minutes(-30), 2000, **reported))
    await record(meter_values_16(begun.ocpp_transaction_id, minutes(-29), 2500, **reported))
    return begun.transaction_id, begun.ocpp_transaction_id


async def test_an_operator_ends_a_transaction_once_and_for_a_reason(
    service: RunningService, record: Record, transactions: Reader, stub: service_grpc.TransactionServiceStub
) -> None:
    transaction_id, number = await _ghost(record)
    ended = await _end(stub, transaction_id, request_id="once")
    assert (ended.state, ended.energy_wh, moment(ended.stop_time)) == (ENDED, 1500, minutes(-29))
    assert flags_of(ended) == ["ended_by_operator"]
    decision = ended.end_decision
    assert (decision.decided_by, decision.reason) == ("ann", "the charger burnt down")
    assert moment(decision.stop_time) == minutes(-29)
    assert not decision.HasField("meter_stop_wh")
    assert await _end(stub, transaction_id, request_id="once") == ended
    assert await transactions.list() == [ended]
    assert await reason(stub.EndTransaction(service_pb.EndTransactionRequest(id=transaction_id, reason="again"))) == (
        "TRANSACTION_NOT_RUNNING"
    )
    async with service.database.read() as connection:
        payload = (await connection.scalars(text("SELECT payload FROM outbox ORDER BY seq DESC LIMIT 1"))).one()
    reported = DomainEvent.FromString(payload)
    assert reported.subject == "csms.event.transaction.transaction.ended.CP1"
    assert flags_of(reported.transaction_changed.transaction) == ["ended_by_operator"]
    # The charge point was not dead: what it tells counts, and what was decided stays.
    await record(stop_16(number, minutes(-10), meter_wh=6000))
    transaction = await transactions.get(transaction_id)
    assert (transaction.energy_wh, moment(transaction.stop_time)) == (5000, minutes(-10))
    assert (flags_of(transaction), transaction.end_decision) == (["ended_by_operator"], decision)


async def test_an_operator_says_when_it_stopped_and_at_which_register(
    record: Record, stub: service_grpc.TransactionServiceStub
) -> None:
    transaction_id, _ = await _ghost(record)
    too_early = service_pb.EndTransactionRequest(
        id=transaction_id, reason="why", stop_time=start_16(minutes(-61)).device_time
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.EndTransaction(too_early)
    # A time in a text is one that can be sent.
    reported = re.search(r"must not lie before the start, (\S+)$", refused.value.details() or "")
    assert reported
    start = Timestamp()
    start.FromJsonString(reported[1])
    assert start == start_16(minutes(-60)).device_time
    stop_time = start_16(minutes(-20)).device_time
    ended = await _end(stub, transaction_id, stop_time=stop_time, meter_stop_wh=2750)
    assert (ended.energy_wh, ended.stop_time, ended.meter_stop_wh) == (1750, stop_time, 2750)
    assert (ended.end_decision.meter_stop_wh, ended.end_decision.stop_time) == (2750, stop_time)


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"reason": " "}, ["reason"]),
        ({"reason": "x" * 501}, ["reason"]),
        ({"stop_time": start_16(minutes(-61)).device_time}, ["stopTime"]),
        ({"stop_time": start_16(minutes(60)).device_time}, ["stopTime"]),
        ({"meter_stop_wh": 2499}, ["meterStopWh"]),
        ({"meter_stop_wh": 2_000_000}, ["meterStopWh"]),
        ({"request_id": "x" * 101}, ["requestId"]),
    ],
)
async def test_what_cannot_be_is_refused_by_field(
    record: Record,
    transactions: Reader,
    stub: service_grpc.TransactionServiceStub,
    fields: dict[str, Any],
    bad: list[str],
) -> None:
    transaction_id, _ = await _ghost(record)
    request = service_pb.EndTransactionRequest(id=transaction_id, **{"reason": "because", **fields})
    assert await bad_fields(stub.EndTransaction(request)) == bad
    assert (await transactions.get(transaction_id)).state == ACTIVE


async def test_only_what_runs_can_be_ended(
    record: Record, stub: service_grpc.TransactionServiceStub, service: RunningService
) -> None:
    [orphan] = await record(stop_16("0", minutes(-30)))
    request = service_pb.EndTransactionRequest(id=orphan.transaction_id, reason="because")
    assert await reason(stub.EndTransaction(request)) == "TRANSACTION_NOT_RUNNING"
    request.id = "01900000-0000-7000-8000-000000000000"
    assert await reason(stub.EndTransaction(request)) == "TRANSACTION_NOT_FOUND"
    viewer = service_grpc.TransactionServiceStub(await service.channel("viewer"))
    assert await reason(viewer.EndTransaction(request)) == "PERMISSION_DENIED"


async def test_charging_states_are_listed_by_page(record: Record, stub: service_grpc.TransactionServiceStub) -> None:
    [begun] = await record(event_201(STARTED, minutes(-60), 0, charging_state="EVConnected"))
    states = ["Charging", "Charging", "SuspendedEV", "Idle"]
    for number, state in enumerate(states, 1):
        await record(event_201(UPDATED, minutes(number - 60), number, charging_state=state))
    listed = await stub.ListChargingStates(service_pb.ListChargingStatesRequest(id=begun.transaction_id, page_size=3))
    rest = await stub.ListChargingStates(
        service_pb.ListChargingStatesRequest(id=begun.transaction_id, page_size=3, page_token=listed.next_page_token)
    )
    found = [*listed.charging_states, *rest.charging_states]
    assert [one.charging_state for one in found] == ["EVConnected", *states]
    assert [moment(one.time) for one in found] == [minutes(number - 60) for number in range(5)]
    assert listed.total_size == 5
    unknown = service_pb.ListChargingStatesRequest(id="01900000-0000-7000-8000-000000000000")
    assert await reason(stub.ListChargingStates(unknown)) == "TRANSACTION_NOT_FOUND"


async def test_charging_states_end_with_their_transaction(
    record: Record, stub: service_grpc.TransactionServiceStub
) -> None:
    [begun] = await record(event_201(STARTED, minutes(-60), 0, charging_state="Charging"))
    # Told before the end, of a time after it.
    await record(event_201(UPDATED, minutes(-10), 2, charging_state="Idle"))
    await record(event_201(recording_pb.TransactionEvent.ENDED, minutes(-20), 3, charging_state="EVConnected"))
    listed = await stub.ListChargingStates(service_pb.ListChargingStatesRequest(id=begun.transaction_id))
    [known] = (
        await stub.BatchGetChargingStates(service_pb.BatchGetChargingStatesRequest(ids=[begun.transaction_id]))
    ).transactions
    for changes in (listed.charging_states, known.changes):
        assert [one.charging_state for one in changes] == ["Charging", "EVConnected"]
