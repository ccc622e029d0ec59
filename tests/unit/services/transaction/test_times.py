"""When transactions began and ended, by clocks that were corrected rightly or wrongly."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transaction.domain.doubts import IMPLAUSIBLE_ENERGY
from services.transaction.domain.fact import TransactionEvent
from services.transaction.domain.folding import fold
from services.transaction.domain.transaction import STOP_BEFORE_START
from tests.unit.services.transaction.facts import T0, ended, minutes, placed, started

pytestmark = pytest.mark.field_case("A4")


def corrected(event: TransactionEvent, to: float) -> TransactionEvent:
    """The event at so many minutes after T0, whatever its device said."""
    return replace(event, corrected_time=minutes(to), flags=("clock_corrected",))


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        pytest.param(started(), corrected(ended(minutes(30)), -90), (0, 30), id="the stop was moved before the start"),
        pytest.param(corrected(started(), 60), ended(minutes(30)), (0, 30), id="the start was moved behind the stop"),
        pytest.param(
            corrected(started(minutes(120)), 60), corrected(ended(minutes(150)), 30), (0, 30), id="both were moved"
        ),
        pytest.param(
            corrected(started(minutes(-120)), 60), corrected(ended(minutes(-90)), 30), (0, 30), id="the same clock"
        ),
        pytest.param(
            corrected(started(minutes(120)), 0), corrected(ended(minutes(150)), 30), (0, 30), id="all is well"
        ),
        pytest.param(started(minutes(30)), ended(minutes(20)), (30, 30), id="nothing was moved"),
    ],
)
def test_no_stop_lies_before_its_start(
    start: TransactionEvent, stop: TransactionEvent, expected: tuple[int, int]
) -> None:
    for facts in itertools.permutations([placed(start), placed(stop)]):
        transaction = fold(facts)
        assert (transaction.start_time, transaction.stop_time) == tuple(map(minutes, expected))
        assert (STOP_BEFORE_START in transaction.flags) == (expected == (30, 30))


def test_a_clock_that_was_never_set_does_not_say_when_a_transaction_began() -> None:
    never_set = replace(corrected(started(), 60), device_time=datetime(1970, 1, 1, tzinfo=T0.tzinfo))
    transaction = fold([placed(replace(never_set, meter_wh=0)), placed(ended(minutes(30), meter_wh=9000))])
    assert transaction.start_time == transaction.stop_time == minutes(60)
    assert {STOP_BEFORE_START, IMPLAUSIBLE_ENERGY} <= {*transaction.flags}


_MINUTES = st.integers(-600, 600)


@given(st.tuples(_MINUTES, _MINUTES), st.tuples(_MINUTES, _MINUTES), st.booleans())
def test_an_end_never_lies_before_its_start(start: tuple[int, int], stop: tuple[int, int], start_first: bool) -> None:
    facts = [
        placed(corrected(started(minutes(start[0])), start[1])),
        placed(corrected(ended(minutes(stop[0])), stop[1])),
    ]
    transaction = fold(facts if start_first else reversed(facts))
    assert transaction.start_time is not None
    assert transaction.stop_time is not None
    assert transaction.start_time <= transaction.stop_time
    if start[1] <= stop[1]:
        assert (transaction.start_time, transaction.stop_time) == (minutes(start[1]), minutes(stop[1]))
    assert transaction.stop_time - transaction.start_time <= timedelta(minutes=1200)
