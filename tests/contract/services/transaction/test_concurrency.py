"""Cards and groups in use elsewhere, on the real database: the policy is a setting, and ghosts keep no card in use."""

from typing import Any

import pytest

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from tests.contract.services.transaction.conftest import Reader, Record, reader, recorder
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    ENDED,
    STARTED,
    event_201,
    meter_values_16,
    minutes,
    start_16,
    stop_16,
)
from tests.fixtures.services import ServiceRunner
from tests.fixtures.shorthand import flags_of

CONCURRENT_TX = transaction_pb.Transaction.CONCURRENT_TX

pytestmark = pytest.mark.field_case("A14")


@pytest.mark.parametrize(
    ("settings", "id_tag", "authorization", "flags"),
    [
        ({}, "TAG", CONCURRENT_TX, ["concurrent_tx"]),
        ({"concurrent_tx_per_card": "warn"}, "TAG", ACCEPTED, ["concurrent_tx_allowed"]),
        ({"concurrent_tx_per_card": "off"}, "TAG", ACCEPTED, []),
        ({}, "OTHER", ACCEPTED, []),
        ({"concurrent_tx_per_group": "warn"}, "OTHER", ACCEPTED, ["concurrent_tx_allowed"]),
        ({"concurrent_tx_per_group": "refuse"}, "OTHER", CONCURRENT_TX, ["concurrent_tx"]),
    ],
)
async def test_a_charge_point_that_goes_on_is_held_for_the_true_reason(
    run_service: ServiceRunner,
    database_url: str,
    settings: dict[str, Any],
    id_tag: str,
    authorization: Any,
    flags: list[str],
) -> None:
    service = await run_service("transaction", database_url=database_url, **settings)
    record, transactions = await recorder(service), await reader(service)
    await record(start_16(minutes(-30), group_id="FLEET"))
    elsewhere = {"charge_point_id": "CP2", "id_tag": id_tag, "group_id": "fleet"}
    [second] = await record(start_16(minutes(-20), **elsewhere))
    assert second.authorization == authorization
    # StopTransactionOnInvalidId is false: it goes on, and tells its stop as if nothing had been said.
    await record(stop_16(second.ocpp_transaction_id, minutes(-5), charge_point_id="CP2"))
    [again] = await record(start_16(minutes(-20), **elsewhere))
    assert (again.authorization, again.duplicate) == (authorization, True)
    transaction = await transactions.get(second.transaction_id)
    assert (transaction.authorization, flags_of(transaction), transaction.energy_wh) == (authorization, flags, 5000)


async def test_an_unauthorized_token_is_no_concurrent_one(record: Record, transactions: Reader) -> None:
    await record(start_16(minutes(-30)))
    refused = event_201(
        STARTED, minutes(-20), 0, charge_point_id="CP2", id_tag="TAG", authorization=transaction_pb.Transaction.BLOCKED
    )
    [answer] = await record(refused)
    await record(event_201(ENDED, minutes(-10), 1, charge_point_id="CP2"))
    assert flags_of(await transactions.get(answer.transaction_id)) == ["no_register", "unauthorized"]


@pytest.mark.field_case("A6")
async def test_a_transaction_of_which_nothing_is_heard_keeps_no_card_in_use(record: Record) -> None:
    [ghost] = await record(start_16(minutes(-300), received_time=minutes(-300)))
    await record(meter_values_16(ghost.ocpp_transaction_id, minutes(-200), 2000, received_time=minutes(-200)))
    [within] = await record(start_16(minutes(-90), charge_point_id="CP2", received_time=minutes(-90)))
    assert within.authorization == CONCURRENT_TX
    [beyond] = await record(start_16(minutes(-70), charge_point_id="CP3", received_time=minutes(-70)))
    assert beyond.authorization == ACCEPTED
