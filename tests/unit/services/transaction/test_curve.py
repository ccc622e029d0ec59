"""How the energy of a transaction came about, by whatever its charge point told."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transaction.domain.curve import MOST_POINTS, CurvePoint, Samples, curve_of
from services.transaction.domain.energy import metered
from services.transaction.domain.metering import StartStop
from services.transaction.domain.reading import CONTEXTS
from services.transaction.domain.registers import Registers

pytestmark = pytest.mark.field_case("D2")

T0 = 1_770_000_000
PERIODIC = CONTEXTS.index("Sample.Periodic")


def reported(start_wh: int | None, stop_wh: int | None = None, *, minutes: float | None = 45) -> StartStop:
    return StartStop(start_wh, stop_wh, T0, None if minutes is None else T0 + int(minutes * 60))


def read(*samples: tuple[Any, ...]) -> Samples:
    """By minutes after T0: register, power, context; None where it was not read."""
    rows = sorted((T0 + int(minutes * 60), *more) for minutes, *more in samples)
    return Samples(
        [row[0] for row in rows],
        [CONTEXTS.index(row[3]) if len(row) > 3 else PERIODIC for row in rows],
        [row[1] for row in rows],
        [row[2] if len(row) > 2 else None for row in rows],
    )


def shown(points: Sequence[CurvePoint]) -> list[tuple[float, int]]:
    return [((point.time - T0) / 60, point.energy_wh) for point in points]


@pytest.mark.parametrize(
    ("ends", "samples", "curve"),
    [
        pytest.param(
            reported(1000, 42_160),
            read((15, 26_000), (30, 37_000)),
            [(0, 0), (15, 25_000), (30, 36_000), (45, 41_160)],
            id="usual",
        ),
        pytest.param(reported(1000, 6000), read(), [(0, 0), (45, 5000)], id="start and stop"),
        pytest.param(
            reported(None, 6000),
            read((15, 2000), (30, 5500)),
            [(0, 0), (15, 0), (30, 3500), (45, 4000)],
            id="no register at the start",
        ),
        pytest.param(
            reported(1000),
            read((15, 2000), (30, 5500)),
            [(0, 0), (15, 1000), (30, 4500), (45, 4500)],
            id="none at the stop",
        ),
        pytest.param(
            reported(1000, minutes=None), read((15, 2000), (30, 5500)), [(0, 0), (15, 1000), (30, 4500)], id="running"
        ),
        pytest.param(
            reported(None, 42_160),
            read((0, 1000, None, "Transaction.Begin"), (15, 26_000), (30, 37_000)),
            [(0, 0), (15, 25_000), (30, 36_000), (45, 41_160)],
            id="the start among the readings",
        ),
        pytest.param(
            reported(4_076_000, 4_076_453),
            read((15, 228), (30, 353)),
            [(0, 0), (15, 228), (30, 353), (45, 453)],
            id="registers of the transaction",
        ),
        pytest.param(
            reported(1000, 42_160),
            read((15, 26_000), (20, 9_000_000), (30, 37_000)),
            [(0, 0), (15, 25_000), (30, 36_000), (45, 41_160)],
            id="an outlier",
        ),
        pytest.param(
            reported(1000, 42_160),
            read((-5, 900), (15, 26_000), (30, 37_000), (50, 42_300)),
            [(0, 0), (15, 25_000), (30, 36_000), (45, 41_160)],
            id="read before and after",
        ),
        pytest.param(reported(None), read(), [], id="nothing known"),
        # 100 kW for 15 minutes, 50 kW for 30: by its power, because no register tells.
        pytest.param(
            reported(0, 50_000),
            read((0, None, 100_000), (15, None, 50_000)),
            [(0, 0), (15, 25_000), (45, 50_000)],
            id="power alone",
        ),
        pytest.param(
            reported(0, 50_000),
            read((10, None, 0), (20, None, 0)),
            [(0, 0), (10, 11_111), (20, 22_222), (45, 50_000)],
            id="no power",
        ),
    ],
)
def test_a_curve_leads_from_the_start_to_the_end_as_the_readings_say(
    ends: StartStop, samples: Samples, curve: list[tuple[float, int]]
) -> None:
    assert shown(curve_of(ends, samples)) == curve


def test_the_power_of_the_moments_is_told() -> None:
    samples = read((10, 1_000, 6_000), (20, 2_000, 6_000), (25, None, 0), (40, 2_000, 0))
    points = curve_of(reported(0, 2_000), samples)
    assert [point.power_w for point in points] == [None, 6_000, 6_000, 0, 0, None]
    assert shown(points) == [(0, 0), (10, 1_000), (20, 2_000), (25, 2_000), (40, 2_000), (45, 2_000)]


def test_what_lies_on_the_line_is_left_out_but_not_for_long() -> None:
    steady = read(*((minute, 100 * minute) for minute in range(1, 45)))
    assert shown(curve_of(reported(0, 4_500), steady)) == [(minutes, 100 * minutes) for minutes in range(0, 46, 5)]
    # That it was steady was read all the same.
    assert shown(curve_of(reported(0, 400, minutes=4), read((1, 100), (2, 200), (3, 300)))) == [
        (0, 0),
        (2, 200),
        (4, 400),
    ]


def test_very_many_readings_are_few_points() -> None:
    second = 1 / 60
    wavy = read(*((n * second, n * 30 + (n % 7) * 20) for n in range(1, 2_000)))
    points = curve_of(reported(0, 60_140, minutes=2_000 / 60), wavy)
    assert len(points) <= MOST_POINTS
    assert shown(points)[-1] == (2_000 / 60, 60_140)


steps = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3_000), st.none() | st.integers(0, 50_000)), max_size=60)


@given(steps, st.integers(0, 5_000_000), st.booleans(), st.randoms(use_true_random=False))
def test_no_reading_is_further_from_the_curve_than_what_was_left_out_allows(
    found: list[tuple[int, int, int | None]], start_wh: int, is_over: bool, dice: Any
) -> None:
    time, wh, rows = T0, start_wh, []
    for seconds, more_wh, power in found:
        time, wh = time + seconds, wh + more_wh
        rows.append((time, PERIODIC, wh, power))
    ends = StartStop(start_wh, wh if is_over else None, T0, time + 60 if is_over else None)
    samples = Samples(*([list(column) for column in zip(*rows, strict=True)] or ([], [], [], [])))
    points = curve_of(ends, samples)
    assert all(one.time < other.time and one.energy_wh <= other.energy_wh for one, other in pairwise(points))
    assert len(points) <= MOST_POINTS
    registers = Registers(samples.times, samples.contexts, [wh or 0 for wh in samples.energies_wh])
    assert not points or points[-1].energy_wh == metered(ends, registers).energy_wh
    if metered(ends, registers).flags:
        return
    for time, _, wh, _ in rows:
        assert abs(_on(points, time) - (wh - start_wh)) <= 1
    assert curve_of(ends, samples) == points


def _on(points: Sequence[CurvePoint], time: int) -> float:
    for before, after in pairwise(points):
        if before.time <= time <= after.time:
            return before.energy_wh + (after.energy_wh - before.energy_wh) * (time - before.time) / (
                after.time - before.time
            )
    return points[-1].energy_wh
