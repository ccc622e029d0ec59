"""The keys of facts."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.ids import derived_id
from services.transaction.domain.fact import (
    EventKind,
    key_of,
    moment,
    moment_time,
    reported_register,
    transaction_id_of,
)
from tests.unit.services.transaction.facts import minutes, placed, reading, started, started_16, updated


def test_the_id_of_a_transaction_follows_from_what_its_charge_point_calls_it() -> None:
    assert transaction_id_of("CP1", "T-1") == derived_id("CP1", "T-1")


def test_what_the_platform_adds_is_not_part_of_the_key() -> None:
    event = started(driver_id="D", epoch=1)
    again = replace(event, driver_id="", epoch=9, received_time=minutes(5), authorization=None, flags=("coerced",))
    assert key_of(again) == key_of(event)


def test_another_correction_of_the_clock_gives_the_same_key() -> None:
    def corrected_by(correction: timedelta) -> str:
        sample = reading(minutes(1) + correction, 1000)
        return key_of(replace(updated(minutes(1), readings=(sample,)), corrected_time=minutes(1) + correction))

    assert corrected_by(timedelta(hours=2)) == corrected_by(timedelta(hours=2, milliseconds=7))


@pytest.mark.parametrize(
    "change",
    [
        {"seq_no": 4},
        {"device_time": minutes(1)},
        {"meter_wh": 7},
        {"charging_state": "Charging"},
        {"trigger_reason": "Deauthorized"},
        {"id_tag": "OTHER"},
        {"ocpp_transaction_id": "T-2"},
        {"charge_point_id": "CP2"},
        {"kind": EventKind.ENDED},
        {"readings": (reading(minutes(0), 5),)},
    ],
)
def test_every_word_of_the_charge_point_is_part_of_the_key(change: dict[str, object]) -> None:
    event = started(seq_no=0)
    assert key_of(replace(event, **change)) != key_of(event)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    "change", [{"connector_id": 2}, {"id_tag": "B"}, {"meter_wh": 2}, {"device_time": minutes(1)}, {"meter_wh": None}]
)
def test_starts_that_differ_have_different_keys(change: dict[str, object]) -> None:
    assert key_of(started_16(**change)) != key_of(started_16())  # type: ignore[arg-type]  # fields by name


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)), st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1))
)
def test_moments_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    one, other = one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    texts = moment(placed(updated(one))), moment(placed(updated(other)))
    assert one == other or (texts[0] < texts[1]) is (one < other)
    assert moment_time(texts[0]) == one


@pytest.mark.parametrize("reported", ["", "0", "-1"])
def test_a_charge_point_by_ocpp_16_may_not_know_the_number_of_its_transaction(reported: str) -> None:
    assert started_16(ocpp_transaction_id=reported).names_no_transaction
    assert started(ocpp_transaction_id=reported).names_no_transaction is (reported == "")


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_of_several_registers_of_an_end_the_outermost_counts_wherever_it_stands(order: tuple[int, ...]) -> None:
    reported = [
        reading(minutes(0), 1, "Transaction.Begin"),
        reading(minutes(1), 2, "Transaction.Begin"),
        reading(minutes(8), 8, "Transaction.End"),
        reading(minutes(9), 9, "Transaction.End"),
    ]
    readings = [reported[place] for place in order]
    assert reported_register(EventKind.STARTED, readings) == 1
    assert reported_register(EventKind.ENDED, readings) == 9


def test_the_register_at_an_end_may_come_among_its_readings() -> None:
    readings = (
        reading(minutes(0), 1, "Transaction.Begin"),
        reading(minutes(1), None, "Transaction.End"),
        reading(minutes(1), 9, "Transaction.End"),
    )
    assert reported_register(EventKind.STARTED, readings) == 1
    assert reported_register(EventKind.ENDED, readings) == 9
    assert reported_register(EventKind.UPDATED, readings) is None
