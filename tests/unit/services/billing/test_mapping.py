"""Amounts, prices and events as they cross the wire."""

from decimal import Decimal

import pytest
from google.type.money_pb2 import Money as MoneyMessage

from csms.fact.v1.doubt_pb2 import Doubt
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.billing.domain.events import SessionBilled, SessionUnbilled
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.billing.mapping.events import event_to_proto
from services.billing.mapping.money import money_of, price_of, price_to_proto
from services.kernel.errors import DomainError
from services.kernel.money import Money
from services.messaging.older_events import total_of
from services.rpc.protobuf import money_to_proto, timestamp
from tests.unit.services.billing.examples import DRIVER, NOW, STATION

BILLED = SessionBilled(
    charging_session_id=STATION,
    transaction_id=None,
    invoice_id=DRIVER,
    station_id=STATION,
    driver_id=None,
    energy_wh=5,
    total=Money("KWD", 1234),
    end_time=NOW,
    revision=4,
    tenant_id="south",
)


@pytest.mark.parametrize(
    ("money", "units", "nanos"),
    [
        (Money("EUR", 1234), 12, 340_000_000),
        (Money("EUR", -5), 0, -50_000_000),
        (Money("JPY", 12), 12, 0),
        (Money("KWD", 1_001), 1, 1_000_000),
    ],
)
def test_amounts_cross_unchanged(money: Money, units: int, nanos: int) -> None:
    message = money_to_proto(money)
    assert (message.units, message.nanos) == (units, nanos)
    assert money_of(message, "amount") == money


@pytest.mark.parametrize("price", ["0.333333333", "12", "0", "-0.05", "-1.5", "1000000"])
def test_prices_cross_to_the_last_digit(price: str) -> None:
    assert price_of(price_to_proto(Decimal(price), "EUR"), "EUR", "price") == Decimal(price)


@pytest.mark.parametrize(
    ("currency", "units", "nanos", "field"),
    [("USD", 1, 0, "price.currencyCode"), ("", 1, -1, "price"), ("EUR", 0, 1_000_000_000, "price")],
)
def test_a_bad_price_is_named(currency: str, units: int, nanos: int, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        price_of(MoneyMessage(currency_code=currency, units=units, nanos=nanos), "EUR", "price")
    assert [violation.field for violation in refused.value.violations] == [field]


@pytest.mark.parametrize(
    ("currency", "units", "nanos"), [("", 1, 0), ("eur", 1, 0), ("JPY", 0, 500_000_000), ("EUR", 1, -1)]
)
def test_a_bad_amount_is_named(currency: str, units: int, nanos: int) -> None:
    with pytest.raises(DomainError) as refused:
        money_of(MoneyMessage(currency_code=currency, units=units, nanos=nanos), "payment.amount")
    assert [violation.field for violation in refused.value.violations] == ["payment.amount"]


def test_an_event_tells_of_the_bill() -> None:
    event = event_to_proto(BILLED, NOW)
    assert event.subject == f"csms.event.billing.charging_session.billed.{STATION}"
    reported = event.session_billed
    assert (reported.transaction_id, reported.driver_id, total_of(reported)) == ("", "", Money("KWD", 1234))
    assert (event.tenant_id, reported.revision) == ("south", 4)
    assert event_to_proto(BILLED, NOW).id != event.id


def test_an_event_tells_of_a_bill_that_was_taken_back() -> None:
    unbilled = SessionUnbilled(
        charging_session_id=STATION, transaction_id=DRIVER, invoice_id=STATION, revision=5, tenant_id="south"
    )
    event = event_to_proto(unbilled, NOW)
    assert event.subject == f"csms.event.billing.charging_session.unbilled.{STATION}"
    reported = event.session_unbilled
    assert (reported.charging_session_id, reported.transaction_id, reported.invoice_id) == (STATION, DRIVER, STATION)
    assert (event.tenant_id, reported.revision) == ("south", 5)


def test_a_snapshot_is_read_from_a_transaction() -> None:
    message = transaction_pb.Transaction(
        id=STATION,
        state=transaction_pb.Transaction.ORPHAN,
        authorization=transaction_pb.Transaction.CONCURRENT_TX,
        driver_id=DRIVER,
        station_id="no id",
        create_time=timestamp(NOW),
        stop_time=timestamp(NOW),
        flags=[Doubt.ORPHAN_STOP],
        revision=3,
    )
    reported = transaction_snapshot(message)
    assert (reported.has_start, reported.is_accepted, reported.station_id, reported.driver_id) == (
        False,
        False,
        None,
        DRIVER,
    )
    assert (reported.start_time, reported.stop_time, reported.flags, reported.revision) == (
        NOW,
        NOW,
        ("orphan_stop",),
        3,
    )
    message.start_time.FromDatetime(NOW.replace(hour=1))
    assert transaction_snapshot(message).start_time == NOW.replace(hour=1)


def test_the_tenant_of_a_transaction_is_told_by_its_event_or_in_lists_by_itself() -> None:
    unnamed = transaction_pb.Transaction(id=STATION, create_time=timestamp(NOW))
    named = transaction_pb.Transaction(id=STATION, create_time=timestamp(NOW), tenant_id="south")
    assert [transaction_snapshot(one).tenant_id for one in (unnamed, named)] == ["default", "south"]
    assert transaction_snapshot(unnamed, "north").tenant_id == "north"


def test_a_transaction_without_any_time_is_refused() -> None:
    with pytest.raises(DomainError):
        transaction_snapshot(transaction_pb.Transaction(id=STATION))
