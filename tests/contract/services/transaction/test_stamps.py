"""Stamps of any kind in every message, by both versions, into the real service: what transactions say of their
times."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from ocpp_edge.versions import Version
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.frames import ChargePoint, stamp
from tests.contract.services.transaction.reports import minutes, moment
from tests.contract.services.transaction.test_looking_again import end_by_silence
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

ACTIVE, ENDED = transaction_pb.Transaction.ACTIVE, transaction_pb.Transaction.ENDED
HOURS_2 = timedelta(hours=2)
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
ODD = [
    "",
    None,
    "never",
    "1970-01-01T00:00:00Z",
    "2000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:60Z",
    "2027-02-30T00:00:00Z",
    0,
    99999999999999999999,
    True,
    {"seconds": 1},
    ["2027-03-01T12:00:00Z"],
]


@pytest.fixture
def charge_point(record: Record) -> ChargePoint:
    return ChargePoint(record)


def _times(transaction: transaction_pb.Transaction) -> tuple[Any, Any]:
    return moment(transaction.start_time), moment(transaction.stop_time)


async def _only(transactions: Reader) -> transaction_pb.Transaction:
    [transaction] = await transactions.list()
    return transaction


@pytest.mark.field_case("A4")
async def test_a_status_of_the_future_moves_no_stop_that_was_kept_back(
    charge_point: ChargePoint, transactions: Reader
) -> None:
    started = await charge_point.tell("StartTransaction", -40, **START, timestamp=stamp(-40))
    charge_point.reconnect()
    await charge_point.boot(0)
    await charge_point.tell("StatusNotification", 0, **STATUS, timestamp=stamp(0, ahead=HOURS_2))
    stop = {"transactionId": started["transactionId"], "meterStop": 4000, "timestamp": stamp(-10)}
    await charge_point.tell("StopTransaction", 0, **stop)
    transaction = await _only(transactions)
    assert (transaction.state, transaction.energy_wh, _times(transaction)) == (
        ENDED,
        3000,
        (minutes(-40), minutes(-10)),
    )
    assert flags_of(transaction) == []


@pytest.mark.field_case("A4")
async def test_a_clock_that_several_messages_show_to_be_ahead_is_corrected(
    charge_point: ChargePoint, transactions: Reader
) -> None:
    started = await charge_point.tell("StartTransaction", -100, **START, timestamp=stamp(-100, ahead=HOURS_2))
    charge_point.reconnect()
    for connector_id in (0, 1, 2):
        status = {**STATUS, "connectorId": connector_id, "timestamp": stamp(0, ahead=HOURS_2)}
        await charge_point.tell("StatusNotification", 0, **status)
    stop = {"transactionId": started["transactionId"], "meterStop": 4000, "timestamp": stamp(-30, ahead=HOURS_2)}
    await charge_point.tell("StopTransaction", 0, **stop)
    transaction = await _only(transactions)
    assert (_times(transaction), flags_of(transaction)) == ((minutes(-100), minutes(-30)), ["clock_corrected"])


@pytest.mark.field_case("A4")
async def test_a_correction_that_would_put_a_stop_before_its_start_does_not_hold(
    charge_point: ChargePoint, transactions: Reader
) -> None:
    started = await charge_point.tell("StartTransaction", -40, **START, timestamp=stamp(-40))
    charge_point.reconnect()
    for connector_id in (0, 1, 2):
        status = {**STATUS, "connectorId": connector_id, "timestamp": stamp(0, ahead=HOURS_2)}
        await charge_point.tell("StatusNotification", 0, **status)
    stop = {"transactionId": started["transactionId"], "meterStop": 4000, "timestamp": stamp(-10)}
    await charge_point.tell("StopTransaction", 0, **stop)
    transaction = await _only(transactions)
    assert (_times(transaction), flags_of(transaction)) == ((minutes(-40), minutes(-10)), ["clock_corrected"])


def _messages(version: Version, odd: Any, number: Any) -> Sequence[tuple[str, dict[str, Any]]]:
    """A start, readings and a stop, each with that stamp in every place that has one."""
    dated = {} if odd is None else {"timestamp": odd}
    if version is Version.V16:
        sample = {**dated, "sampledValue": [{"value": "2500"}]}
        return [
            ("StatusNotification", {**STATUS, **dated}),
            ("StartTransaction", {**START, **dated}),
            ("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [sample]}),
            (
                "StopTransaction",
                {"transactionId": number, "meterStop": 4000, "transactionData": [sample], **dated},
            ),
        ]
    sample = {**dated, "sampledValue": [{"value": 2600}]}

    def event(kind: str, seq_no: int, energy_wh: int) -> tuple[str, dict[str, Any]]:
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
        said = {
            "eventType": kind,
            "triggerReason": "Trigger",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": "T-1"},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{**dated, "sampledValue": [{"value": energy_wh, "context": context}]}],
        }
        return "TransactionEvent", {**said, **dated}

    return [
        (
            "StatusNotification",
            {"connectorStatus": "Available", "evseId": 1, "connectorId": 1, **dated},
        ),
        event("Started", 0, 1000),
        event("Updated", 1, 2500),
        ("MeterValues", {"evseId": 1, "meterValue": [sample]}),
        event("Ended", 2, 4000),
    ]


@pytest.mark.field_case("A4", "A5")
@pytest.mark.parametrize("version", [Version.V16, Version.V201])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("reconnects", [False, True], ids=["same socket", "another socket"])
async def test_what_has_no_time_that_can_be_true_happens_when_it_is_told_and_once(
    record: Record, transactions: Reader, version: Version, odd: Any, reconnects: bool
) -> None:
    charge_point, number = ChargePoint(record, version), 0
    for position in range(5 if version is Version.V201 else 4):
        action, payload = _messages(version, odd, number)[position]
        answers = []
        for attempt in range(2):
            answers.append(await charge_point.tell(action, -30 + 2 * position + attempt, **payload))
            if reconnects:
                charge_point.reconnect()
        assert answers[0] == answers[1]
        number = answers[0].get("transactionId", number)
    transaction = await _only(transactions)
    begin, end = (-28, -24) if version is Version.V16 else (-28, -22)
    assert (transaction.state, transaction.energy_wh, _times(transaction)) == (
        ENDED,
        3000,
        (minutes(begin), minutes(end)),
    )
    kept = await transactions.meter_values(transaction.id)
    values = [value.energy_wh for value in kept if value.HasField("energy_wh")]
    assert values == ([2500, 2500] if version is Version.V16 else [1000, 2500, 2600, 4000])


@pytest.mark.field_case("A4")
@pytest.mark.parametrize("version", [Version.V16, Version.V201])
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda time: str(int(time.timestamp())), id="seconds as text"),
        pytest.param(lambda time: int(time.timestamp()), id="seconds"),
        pytest.param(lambda time: int(time.timestamp() * 1000), id="milliseconds"),
        pytest.param(lambda time: time.timestamp(), id="seconds as a double"),
        pytest.param(lambda time: f"{time:%Y-%m-%d %H:%M:%S}", id="a blank and no zone"),
        pytest.param(lambda time: f"{time + HOURS_2:%Y-%m-%dT%H:%M:%S},000+0200", id="a comma, +0200"),
        pytest.param(lambda time: f"{time:%Y-%m-%dt%H:%M:%Sz}", id="small letters"),
        pytest.param(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ} (synchronised)", id="text behind"),
        pytest.param(lambda time: f"{time - timedelta(minutes=1):%Y-%m-%dT%H:%M}:60Z", id="a leap second"),
    ],
)
async def test_times_are_read_however_they_are_written(
    record: Record, transactions: Reader, version: Version, write: Any
) -> None:
    charge_point, number = ChargePoint(record, version), 0
    reported = {"StartTransaction": -60, "Started": -60, "StopTransaction": -20, "Ended": -20}
    for position in range(5 if version is Version.V201 else 4):
        action, payload = _messages(version, None, number)[position]
        at = reported.get(payload.get("eventType", action), -40)
        whole_minute = minutes(at).replace(second=0, microsecond=0)
        action, payload = _messages(version, write(whole_minute), number)[position]
        number = (await charge_point.tell(action, 0, **payload)).get("transactionId", number)
    transaction = await _only(transactions)
    assert _times(transaction) == tuple(minutes(at).replace(second=0, microsecond=0) for at in (-60, -20))


@pytest.mark.field_case("A5")
async def test_a_start_without_a_time_is_one_transaction_until_its_end_was_told(
    charge_point: ChargePoint, transactions: Reader
) -> None:
    first = await charge_point.tell("StartTransaction", -30, **START)
    charge_point.reconnect()
    assert await charge_point.tell("StartTransaction", -20, **START) == first
    await charge_point.tell("StopTransaction", -10, transactionId=first["transactionId"], meterStop=1000)
    second = await charge_point.tell("StartTransaction", -5, **START)
    assert second["transactionId"] != first["transactionId"]
    found = await transactions.list()
    assert [(one.state, one.energy_wh) for one in found] == [(ACTIVE, 0), (ENDED, 0)]
    assert [moment(one.start_time) for one in found] == [minutes(-5), minutes(-30)]


@pytest.mark.field_case("A5")
@pytest.mark.parametrize("changed", [{}, {"meterStart": 1001}, {"idTag": "OTHER"}, {"connectorId": 2}])
async def test_a_start_without_a_time_is_one_transaction_also_when_it_was_silent_meanwhile(
    service: RunningService, charge_point: ChargePoint, transactions: Reader, changed: dict[str, Any]
) -> None:
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 1000}
    first = await charge_point.tell("StartTransaction", -60, **start)
    await end_by_silence(service)
    again = await charge_point.tell("StartTransaction", -50, **{**start, **changed})
    assert (again["transactionId"] == first["transactionId"]) == (not changed)
    if changed:
        return
    await charge_point.tell("StopTransaction", -30, transactionId=again["transactionId"], meterStop=6000)
    [transaction] = await transactions.list()
    assert (transaction.state, transaction.energy_wh, moment(transaction.stop_time)) == (ENDED, 5000, minutes(-30))
    # Now it is another one.
    other = await charge_point.tell("StartTransaction", -20, **start)
    assert other["transactionId"] != first["transactionId"]


@pytest.mark.field_case("A5")
async def test_a_stop_without_number_and_time_ends_its_transaction_once(
    charge_point: ChargePoint, transactions: Reader
) -> None:
    await charge_point.tell("StartTransaction", -30, **START, timestamp=stamp(-30))
    stop = {"transactionId": 0, "meterStop": 2000}
    for at in (-20, -19):
        await charge_point.tell("StopTransaction", at, **stop)
        charge_point.reconnect()
    transaction = await _only(transactions)
    assert (transaction.state, moment(transaction.stop_time)) == (ENDED, minutes(-20))
    assert flags_of(transaction) == ["coerced:timestamp", "matched_stop", "time_missing"]


@pytest.mark.field_case("A5")
@pytest.mark.parametrize("runs", [True, False], ids=["in a transaction", "outside of any"])
async def test_readings_without_a_time_are_kept_once(
    charge_point: ChargePoint, transactions: Reader, runs: bool, database_url: str
) -> None:
    if runs:
        await charge_point.tell("StartTransaction", -30, **START, timestamp=stamp(-30))
    entries = [{"sampledValue": [{"value": "1500"}]}]
    for at in (-20, -19, -18, 0):
        await charge_point.tell("MeterValues", at, connectorId=1, meterValue=entries)
        charge_point.reconnect()
    # The same a quarter of an hour later is another reading.
    assert await _sampled(database_url) == [minutes(-20), minutes(0)]


async def _sampled(database_url: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute("SELECT sampled_time FROM meter_values ORDER BY 1")
        return [time for (time,) in await cursor.fetchall()]
