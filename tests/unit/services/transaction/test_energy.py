"""What the registers of a transaction come to, whatever charge points tell, and in whatever order."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.transaction.domain.doubts import (
    ENERGY_FLAGS,
    IMPLAUSIBLE_ENERGY,
    MISLABELLED_UNIT,
    NEGATIVE_REGISTER,
    NO_REGISTER,
    OUTLIER_READING,
    READING_AFTER_END,
    REGISTER_OFFSET,
    REGISTER_WENT_BACK,
    TRANSACTION_REGISTER,
)
from services.transaction.domain.energy import Metered, judged, metered, undoubted
from services.transaction.domain.metering import StartStop
from services.transaction.domain.reading import CONTEXTS, Reading
from services.transaction.domain.registers import Registers, registers_of
from tests.fixtures.properties import examples
from tests.unit.services.transaction.facts import T0, minutes, reading

_T0 = int(T0.timestamp())
_LIFE = 4_076_000
Sample = tuple[float, int] | tuple[float, int, str]


def reported(start_wh: int | None, stop_wh: int | None = None, *, length: float | None = 480) -> StartStop:
    """A transaction of so many minutes that begins at T0; without a length it runs."""
    if length is None:
        return StartStop(start_wh, None, _T0, None)
    return StartStop(start_wh, stop_wh, _T0, _T0 + int(length * 60))


def read(*samples: Sample, max_power_w: int | None = None) -> Registers:
    """Registers by minutes after T0, some with their context."""
    return registers_of([reading(minutes(at), wh, *context) for at, wh, *context in samples], max_power_w)


def both(ends: StartStop, registers: Registers) -> Metered:
    """What they come to, which the short way must not see otherwise."""
    result, short = judged(ends, registers), undoubted(ends, registers)
    assert short is None or Metered(short) == result
    assert metered(ends, registers) == result
    assert len(result.flags) <= len(result.doubt.split("; ")) or not result.flags
    return result


@pytest.mark.parametrize(
    ("ends", "registers", "energy_wh"),
    [
        pytest.param(reported(1000, 6000), read(), 5000, id="start and stop"),
        pytest.param(reported(1000, 6000), read((1, 1000), (9, 5990)), 5000, id="with readings"),
        pytest.param(reported(1000, 6000), read((1, 1000), (479, 6090)), 5000, id="a sample rounded up at the stop"),
        pytest.param(reported(None, 6000), read((1, 2000), (9, 5500)), 4000, id="no start"),
        pytest.param(reported(1000), read((1, 2000), (9, 5500)), 4500, id="no stop"),
        pytest.param(reported(None), read((1, 2000), (9, 5500)), 3500, id="neither"),
        pytest.param(
            reported(None), read((0, 1000, "Transaction.Begin"), (9, 5500)), 4500, id="a start among the readings"
        ),
        pytest.param(
            reported(None),
            read((0, 1000, "Transaction.Begin"), (9, 5500, "Transaction.End")),
            4500,
            id="both among them",
        ),
        pytest.param(reported(0, 0), read((1, 0), (9, 0)), 0, id="nothing delivered"),
        pytest.param(reported(1000, 6000), read((1, 1050), (2, 1000), (3, 1050)), 5000, id="rounded to and fro"),
        pytest.param(reported(None, length=None), read((1, 2000), (9, 5500)), 3500, id="running"),
        pytest.param(reported(1000, length=None), read(), 0, id="running without a reading"),
        pytest.param(
            reported(1000, 6000),
            read((1, 1200), (2, 1500, "Interruption.Begin"), (9, 1500, "Interruption.End"), (10, 1600, "Trigger")),
            5000,
            id="interrupted",
        ),
    ],
)
def test_registers_that_agree_are_not_in_doubt(ends: StartStop, registers: Registers, energy_wh: int) -> None:
    assert both(ends, registers) == Metered(energy_wh)


@pytest.mark.field_case("A7")
@pytest.mark.parametrize("stop_wh", [None, 453, _LIFE + 453, (_LIFE + 453) * 1000])
@pytest.mark.parametrize("last", [453, _LIFE + 453, (_LIFE + 453) * 1000])
@pytest.mark.parametrize("second", [353, _LIFE + 353])
@pytest.mark.parametrize("first", [228, _LIFE + 228])
def test_a_register_of_the_transaction_and_one_of_the_meters_life_come_to_the_same(
    first: int, second: int, last: int, stop_wh: int | None
) -> None:
    result = both(reported(_LIFE, stop_wh), read((10, first), (20, second), (30, last)))
    assert result.energy_wh == 453
    of_transaction = [wh for wh in (first, second, last, stop_wh) if wh is not None and wh < _LIFE]
    mislabelled = [wh for wh in (last, stop_wh) if wh is not None and wh > 2 * _LIFE]
    flags = [TRANSACTION_REGISTER] * bool(of_transaction) + [MISLABELLED_UNIT] * bool(mislabelled)
    assert list(result.flags) == flags


@pytest.mark.field_case("A7")
def test_a_register_of_the_transaction_at_a_new_meter_may_pass_that_at_the_start() -> None:
    result = both(reported(1000), read((10, 228), (20, 453), (30, 1100), (40, 1500)))
    assert (result.energy_wh, result.flags) == (1500, (TRANSACTION_REGISTER,))
    assert result.doubt.startswith(
        "4 of 4 registers count from the start of the transaction: 228 Wh at 2031-05-01T12:10:00Z"
    )


@pytest.mark.field_case("A7", "A13")
@pytest.mark.parametrize("stop_wh", [12_000, None])
@pytest.mark.parametrize("zeros", [[(10, 0)], [(10, 0), (20, 0)]])
def test_readings_of_nothing_do_not_make_the_register_at_the_stop_one_of_the_transaction(
    zeros: list[Sample], stop_wh: int | None
) -> None:
    last: list[Sample] = [(470, 12_000)] if stop_wh is None else []
    result = both(reported(10_000, stop_wh), read(*zeros, *last, max_power_w=22_000))
    assert (result.energy_wh, result.flags) == (2000, (TRANSACTION_REGISTER,))


@pytest.mark.field_case("A7", "A13")
@pytest.mark.parametrize("readings", [[(10, 500)], [(10, 300), (20, 700), (30, 1900)]])
def test_where_the_register_at_the_stop_may_be_of_the_transaction_or_of_the_meters_life_the_bill_is_held(
    readings: list[Sample],
) -> None:
    result = both(reported(1000, 3200, length=60), read(*readings, max_power_w=11_000))
    assert (result.energy_wh, result.flags) == (3200, (IMPLAUSIBLE_ENERGY, TRANSACTION_REGISTER))
    assert "perhaps the register at the stop goes on with 1000 Wh at the start: then it is 2200 Wh" in result.doubt


@pytest.mark.field_case("A7")
def test_registers_in_another_unit_are_brought_to_that_of_the_start() -> None:
    result = both(reported(_LIFE, _LIFE + 453), read((10, 228_000), (20, 353_000), max_power_w=11_000))
    assert (result.energy_wh, result.flags) == (453, (MISLABELLED_UNIT,))


@pytest.mark.parametrize(
    ("ends", "registers"),
    [
        pytest.param(reported(_LIFE, 453), read(), id="without a reading that bears it out"),
        pytest.param(reported(_LIFE, 0), read((10, _LIFE + 2000), (20, _LIFE + 5000)), id="zero after readings"),
        pytest.param(reported(9000, 8000), read((10, 9500)), id="hardly below the start"),
        pytest.param(reported(9000), read((10, 8000)), id="a reading hardly below the start"),
    ],
)
def test_a_register_below_that_at_the_start_is_not_taken_for_one_of_the_transaction_for_no_reason(
    ends: StartStop, registers: Registers
) -> None:
    assert REGISTER_WENT_BACK in both(ends, registers).flags


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("length", [None, 90])
def test_a_register_of_the_start_is_never_a_current_one(order: Sequence[int], length: float | None) -> None:
    sample = [reading(minutes(60), 163_630), reading(minutes(60), 157_440, "Transaction.Begin")]
    result = both(reported(None, length=length), registers_of([sample[place] for place in order]))
    assert result == Metered(6190)


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("stop_wh", [None, 163_700])
def test_a_register_of_the_start_may_be_told_again_and_again(stop_wh: int | None) -> None:
    samples = [
        (at, wh, context)
        for at, now in ((20, 159_000), (40, 163_630))
        for wh, context in (
            (157_440, "Transaction.Begin"),
            (158_000, "Interruption.Begin"),
            (now, "Sample.Clock"),
            (now + 70, "Sample.Periodic"),
        )
    ]
    result = both(reported(None, stop_wh, length=60), read(*samples))
    assert result == Metered(6260)


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("context", ["Sample.Clock", "Trigger", "Other", "Interruption.End"])
def test_whatever_else_a_reading_was_taken_for_it_counts(context: str) -> None:
    assert both(reported(1000, length=None), read((10, 2000, context))) == Metered(1000)


@pytest.mark.field_case("A8")
def test_the_register_of_the_end_is_that_at_the_stop() -> None:
    assert both(reported(1000), read((479, 6000, "Transaction.End"), (470, 5900), (481, 5990))) == Metered(5000)


@pytest.mark.field_case("A9")
@pytest.mark.parametrize("max_power_w", [22_000, None])
@pytest.mark.parametrize("start_wh", [0, None])
def test_the_register_of_a_meters_life_is_no_energy(start_wh: int | None, max_power_w: int | None) -> None:
    result = both(reported(start_wh, 9_390_000 if max_power_w is None else 939_000), read(max_power_w=max_power_w))
    if start_wh is None:
        assert (result.energy_wh, result.flags) == (0, (NO_REGISTER,))
        assert result.doubt == "one energy register only was told, none at the start"
    else:
        assert result.flags == (IMPLAUSIBLE_ENERGY,)
        limit = "the connector gives at most 22 kW"
        if max_power_w is None:
            limit = "no connector of unknown power is taken to give more than 400 kW"
        assert result.doubt == f"{result.energy_wh} Wh in 8 h is {117 if max_power_w else 1174} kW; {limit}"


@pytest.mark.field_case("A9")
@pytest.mark.parametrize("stop_wh", [939_000, None])
@pytest.mark.parametrize(
    ("start_wh", "at_start"),
    [
        (0, ()),
        (0, [(0, 0)]),
        (0, [(0, 0, "Transaction.Begin")]),
        (None, [(0, 0)]),
        (None, [(0, 0, "Transaction.Begin")]),
    ],
)
def test_a_jump_at_the_first_reading_is_held_with_what_is_counted_from_there(
    start_wh: int | None, at_start: Sequence[Sample], stop_wh: int | None
) -> None:
    samples = [*at_start, (15, 930_500), (300, 936_000), (470, 938_900)]
    result = both(reported(start_wh, stop_wh), read(*samples, max_power_w=22_000))
    assert result.energy_wh == (stop_wh or 938_900) - 930_500
    assert {IMPLAUSIBLE_ENERGY, REGISTER_OFFSET} <= set(result.flags)
    assert "kW; the connector gives at most 22 kW" in result.doubt
    offset = "0 Wh at the start do not lead to 930500 Wh at 2031-05-01T12:15:00Z; counted from there it is"
    assert f"{offset} {result.energy_wh} Wh" in result.doubt


@pytest.mark.field_case("A9")
def test_what_was_read_at_the_start_counts_where_the_start_told_something_else() -> None:
    samples = read((0, 930_000, "Transaction.Begin"), (15, 930_500), (470, 938_900), max_power_w=22_000)
    result = both(reported(0, 939_000), samples)
    assert (result.energy_wh, result.flags) == (9000, (IMPLAUSIBLE_ENERGY, REGISTER_OFFSET))


@pytest.mark.field_case("A9")
@pytest.mark.parametrize(("max_power_w", "flags"), [(150_000, ()), (11_000, (IMPLAUSIBLE_ENERGY,)), (None, ())])
def test_what_is_plausible_hangs_on_the_connector(max_power_w: int | None, flags: tuple[str, ...]) -> None:
    assert both(reported(1000, 60_000, length=45), read(max_power_w=max_power_w)).flags == flags


@pytest.mark.field_case("A9")
def test_a_register_that_jumps_in_the_middle_is_held() -> None:
    samples = read((60, 2000), (240, 4000), (241, 61_000), (300, 62_000), max_power_w=22_000)
    result = both(reported(1000, 63_000), samples)
    assert (result.energy_wh, result.flags) == (62_000, (IMPLAUSIBLE_ENERGY,))
    assert result.doubt == (
        "the register rises from 4000 Wh at 2031-05-01T16:00:00Z to 61000 Wh at 2031-05-01T16:01:00Z, by 3420 kW;"
        " the connector gives at most 22 kW"
    )


@pytest.mark.field_case("A12")
@pytest.mark.parametrize(
    ("ends", "registers", "doubt"),
    [
        (reported(None), read(), "no energy register was told"),
        (reported(1000), read(), "no energy register was told after 1000 Wh at the start"),
        (reported(None), read((5, 2000)), "one energy register only was told, none at the start"),
        (
            reported(None),
            read((5, 2000, "Transaction.Begin")),
            "no energy register was told after 2000 Wh at the start",
        ),
        (
            reported(None),
            Registers(power_times=[_T0, _T0 + 1800, _T0 + 3600], powers_w=[6000, 8000, 8000]),
            "no energy register was told; by 3 readings of power it was about 7500 Wh",
        ),
    ],
)
def test_a_transaction_without_two_registers_is_flagged(ends: StartStop, registers: Registers, doubt: str) -> None:
    assert both(ends, registers) == Metered(0, (NO_REGISTER,), doubt)
    assert both(ends._replace(stop_time=None), registers) == Metered(0)


@pytest.mark.field_case("A13")
@pytest.mark.parametrize(
    ("ends", "registers", "flags"),
    [
        pytest.param(reported(0, 202, length=2), read((0, 0), (1, 150_020)), (MISLABELLED_UNIT,), id="a wrong unit"),
        pytest.param(
            reported(0, 202, length=60),
            read((30, 150_020), max_power_w=22_000),
            (MISLABELLED_UNIT,),
            id="a connector that is known",
        ),
        pytest.param(reported(0, 202, length=60), read((30, 150_020)), (REGISTER_WENT_BACK,), id="it could be true"),
        pytest.param(
            reported(0, 4000), read((1, 500), (2, 3900), (3, 600), (9, 900)), (OUTLIER_READING,), id="too high"
        ),
        pytest.param(reported(0, 4000), read((1, 500), (2, 0), (3, 600), (9, 900)), (OUTLIER_READING,), id="too low"),
        pytest.param(reported(0, 4000), read((1, 500), (2, -7), (3, 600)), (OUTLIER_READING,), id="below zero"),
        pytest.param(
            reported(0, 4000), read((1, 500), (2, 9_999_999_999), (3, 600)), (OUTLIER_READING,), id="far too high"
        ),
        pytest.param(reported(0, 4000), read((1, 500), (2, 4600), (3, 600)), (OUTLIER_READING,), id="above the stop"),
    ],
)
def test_one_reading_that_no_other_agrees_with_is_shown(
    ends: StartStop, registers: Registers, flags: tuple[str, ...]
) -> None:
    result = both(ends, registers)
    assert (result.energy_wh, result.flags) == (ends.stop_wh, flags)


@pytest.mark.field_case("A13")
@pytest.mark.parametrize(
    ("registers", "stop_wh"),
    [
        pytest.param(read((1, 500), (9, 9000)), 8000, id="the last reading"),
        pytest.param(read((1, 500), (8, 8500), (9, 9000), (10, 600)), 8000, id="several that agree"),
        pytest.param(read((1, 500), (8, 8500), (9, 9000)), 600, id="all but the stop"),
        pytest.param(read((1, 500), (8, 8500), (9, 9000), (10, 600)), None, id="the last reading is below"),
        pytest.param(read((1, 5000), (2, 5100), (3, 20), (4, 900), (5, 6000)), None, id="started anew"),
    ],
)
def test_readings_that_agree_against_the_last_register_are_held(registers: Registers, stop_wh: int | None) -> None:
    result = both(reported(0, stop_wh), registers)
    assert REGISTER_WENT_BACK in result.flags
    if stop_wh is not None:
        assert result.energy_wh == stop_wh


@pytest.mark.field_case("A13")
@pytest.mark.parametrize("start_wh", [None, 1000])
@pytest.mark.parametrize("stop_wh", [None, 0])
def test_a_register_at_the_stop_that_was_read_then_as_well_speaks_once(
    start_wh: int | None, stop_wh: int | None
) -> None:
    """An end of 0 Wh is no transaction register that bears itself out."""
    readings = read((0, 1000, "Transaction.Begin"), (15, 2000), (30, 0, "Transaction.End"))
    found = both(reported(start_wh, stop_wh, length=30), readings)
    assert (found.energy_wh, found.flags) == (1000, (REGISTER_WENT_BACK,))


@pytest.mark.field_case("A13")
def test_a_register_that_passes_its_greatest_number_is_held_and_counted_on() -> None:
    result = both(reported(99_999_900, 300), read((1, 99_999_950), (2, 20), (3, 120)))
    assert (result.energy_wh, result.flags) == (400, (REGISTER_WENT_BACK,))
    assert "started anew: 20 Wh at 2031-05-01T12:02:00Z" in result.doubt


@pytest.mark.field_case("A13")
def test_a_register_below_zero_counts_as_not_told() -> None:
    result = both(reported(-1, 5000), read((1, 2000)))
    assert (result.energy_wh, result.flags) == (3000, (NEGATIVE_REGISTER,))
    assert both(reported(-1, 5000), read()).flags == (NO_REGISTER, NEGATIVE_REGISTER)


@pytest.mark.parametrize("at", [490, 480.5])
def test_a_reading_after_the_end_is_shown_and_counts_for_nothing(at: float) -> None:
    result = both(reported(1000, 6000), read((9, 5000), (at, 6500)))
    assert (result.energy_wh, result.flags) == (5000, (READING_AFTER_END,))
    assert result.doubt == f"6500 Wh at {minutes(at):%Y-%m-%dT%H:%M:%SZ}, after the end; 6000 Wh at the stop"


def test_a_register_that_goes_on_in_several_readings_after_the_end_holds_nothing() -> None:
    result = both(reported(1000, 6000), read((9, 5000), (480.2, 6500), (480.4, 6600), (480.6, 6700)))
    assert (result.energy_wh, result.flags) == (5000, (READING_AFTER_END,))


def test_a_reading_that_is_stamped_a_little_late_is_one_of_the_transaction() -> None:
    assert both(reported(1000, 6000), read((9, 5000), (480.5, 6000))) == Metered(5000)


def test_without_a_register_at_the_stop_later_ones_count() -> None:
    assert both(reported(1000), read((9, 5000), (490, 6500))) == Metered(5500)


_ENDS = st.builds(
    reported,
    st.none() | st.sampled_from([0, 900, _LIFE, 99_999_800, -1]) | st.integers(0, 9000),
    st.none() | st.sampled_from([0, 453, _LIFE + 453, 939_000, -1]) | st.integers(0, 12_000),
    length=st.none() | st.sampled_from([0.5, 30, 480]),
)
_VALUES = st.integers(0, 10).map(lambda n: n * 150) | st.sampled_from(
    [
        -5,
        0,
        228,
        453,
        1000,
        _LIFE,
        _LIFE + 228,
        _LIFE + 453,
        (_LIFE + 228) * 1000,
        150_020,
        930_000,
        99_999_950,
        1 << 62,
    ]
)
_READINGS = st.lists(
    st.builds(
        lambda at, wh, context: reading(T0 + timedelta(seconds=at), wh, context),
        st.sampled_from([-100_000, -30, 0, 60, 600, 1200, 1800, 1830, 9000, 30_000]),
        _VALUES,
        st.just("Sample.Periodic") | st.sampled_from(CONTEXTS),
    ),
    max_size=7,
)
_POWERS = st.sampled_from([None, 3_700, 22_000, 350_000])


@settings(max_examples=examples(2))
@given(_ENDS, _READINGS, _POWERS, st.randoms(use_true_random=False))
def test_the_same_readings_come_to_the_same_in_any_order_and_however_often(
    ends: StartStop, readings: list[Reading], max_power_w: int | None, chance: random.Random
) -> None:
    again = readings + [one for one in readings if chance.random() < 0.3]
    chance.shuffle(again)
    result = both(ends, registers_of(readings, max_power_w))
    assert both(ends, registers_of(again, max_power_w)).energy_wh == result.energy_wh
    assert set(result.flags) <= set(ENERGY_FLAGS)
    assert result.energy_wh >= 0


@settings(max_examples=examples(2))
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 0, 1, 60]), st.sampled_from([0, 0, 1, 99, 101, 300]), st.sampled_from(CONTEXTS)),
        max_size=6,
    ),
    st.sampled_from([None, 0, 1000]),
    st.sampled_from([None, 0, 50, 3000]),
    st.sampled_from([None, 11_000]),
)
def test_registers_that_follow_each_other_come_to_the_same_the_short_way_however_many_there_are_of_a_moment(
    steps: list[tuple[int, int, str]], start_wh: int | None, more_wh: int | None, max_power_w: int | None
) -> None:
    seconds, register, readings = 0, 1000, []
    for later, more, context in steps:
        seconds, register = seconds + later, register + more
        readings.append(reading(T0 + timedelta(seconds=seconds), register, context))
    stop_wh = None if more_wh is None else register + more_wh
    both(StartStop(start_wh, stop_wh, _T0, _T0 + seconds), registers_of(readings, max_power_w))


@pytest.mark.parametrize("stop_wh", [1003, 1102])
def test_several_registers_of_a_moment_are_no_reason_for_the_long_way(stop_wh: int) -> None:
    registers = read((0, 1000, "Transaction.Begin"), (0, 1000), (0, 1001), (1, 1002), (1, stop_wh, "Transaction.End"))
    assert (
        undoubted(reported(1000, stop_wh), registers)
        == both(reported(1000, stop_wh), registers).energy_wh
        == stop_wh - 1000
    )


class Charge(NamedTuple):
    """What a meter really showed: the register at the start, the end, and readings by minutes after T0."""

    start_wh: int
    stop_wh: int
    readings: Sequence[tuple[int, int]]


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """Two to nine readings of up to 350 kW within eight hours, at a meter that is not new."""
    times = sorted(draw(st.sets(st.integers(1, 470), min_size=2, max_size=9)))
    # So far up that no register of a transaction is like it in kilowatt-hours.
    register = start_wh = draw(st.integers(3_100_000_000, 3_900_000_000))
    readings, before = [], 0
    for at in times:
        register += draw(st.integers(0, 350_000)) * (at - before) // 60
        readings.append((at, register))
        before = at
    return Charge(start_wh, register + draw(st.integers(0, 900)), readings)


@pytest.mark.field_case("A7")
@settings(max_examples=examples(2))
@given(charges(), st.data())
def test_whatever_mix_of_registers_and_units_a_charge_point_tells_the_energy_is_what_was_delivered(
    charge: Charge, data: st.DataObject
) -> None:
    def spelled_out(wh: int, kind: str) -> int:
        told_as = {
            "life": wh,
            "transaction": wh - charge.start_wh,
            "thousandfold": wh * 1000,
            "thousandth": round(wh / 1000),
        }
        return told_as[kind]

    is_rounded = data.draw(st.booleans())
    telling = st.sampled_from(["life", "transaction", "thousandfold", *(["thousandth"] if is_rounded else [])])
    told_as = [data.draw(telling) for _ in charge.readings]
    samples = [(at, spelled_out(wh, kind)) for (at, wh), kind in zip(charge.readings, told_as, strict=True)]
    # Readings in whole kilowatt-hours do not tell the end, and a register of the transaction needs another one.
    kinds = ["life", "thousandfold"] if is_rounded else ["", "life", "thousandfold"]
    if "transaction" in told_as and not is_rounded:
        kinds.append("transaction")
    kind = data.draw(st.sampled_from(kinds))
    result = both(reported(charge.start_wh, spelled_out(charge.stop_wh, kind) if kind else None), read(*samples))
    last_wh = charge.stop_wh if kind else charge.readings[-1][1]
    assert result.energy_wh == last_wh - charge.start_wh
    # Rounded to a kilowatt-hour a reading may look like one of the transaction, which is not where the others are.
    assert is_rounded or set(result.flags) <= {TRANSACTION_REGISTER, MISLABELLED_UNIT}


@pytest.mark.field_case("A7")
def test_readings_in_kilowatt_hours_that_are_called_watt_hours_fit_what_was_told_at_both_ends() -> None:
    samples = read((60, 4076), (120, 4076), (180, 4077), (240, 4079))
    result = both(reported(_LIFE, _LIFE + 2800), samples)
    assert (result.energy_wh, result.flags) == (2800, (MISLABELLED_UNIT,))
    # By themselves they do not tell how much it was.
    assert REGISTER_WENT_BACK in both(reported(_LIFE), samples).flags


@pytest.mark.field_case("A8")
def test_a_register_at_the_stop_that_its_end_tells_as_a_reading_too_is_one_register() -> None:
    result = both(reported(None, 6000), read((480, 6000, "Transaction.End")))
    assert (result.energy_wh, result.flags) == (0, (NO_REGISTER,))
    assert both(reported(None, 6000), read((1, 2000), (480, 6000, "Transaction.End"))) == Metered(4000)


@pytest.mark.field_case("A13")
def test_where_either_unit_may_be_wrong_the_bill_is_held() -> None:
    result = both(reported(4076, 4077), read((60, 4_076_228), (120, 4_076_453)))
    assert (result.energy_wh, result.flags) == (1, (IMPLAUSIBLE_ENERGY, MISLABELLED_UNIT))
    assert "then it is 1000 Wh, not 1 Wh" in result.doubt
