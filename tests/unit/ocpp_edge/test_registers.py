"""Registers that are not what they seem, told by what the start of the session showed."""

import pytest

from ocpp_edge.meter_values import Reading
from ocpp_edge.registers import Registers


def aligned(start: int, energy_wh: int) -> tuple[int, set[str]]:
    registers = Registers()
    registers.started("42", start)
    reading = {"energy_wh": energy_wh}
    flags = registers.aligned("42", [reading])
    return reading["energy_wh"], flags


@pytest.mark.parametrize(
    ("start", "told", "expected", "flags"),
    [
        (100_000, 105_000, 105_000, set()),
        (0, 5_000, 5_000, set()),
        (100_000, 100_000, 100_000, set()),
        (100_000, 5_000, 105_000, {"session_register"}),
        (100_000, 0, 100_000, {"session_register"}),
        (100_000, 100_500_000, 100_500, {"mislabelled_unit"}),
        (100_000, 9_999_999, 9_999_999, set()),
        (100_000, -5, -5, set()),
    ],
)
def test_the_register_at_the_start_tells_what_a_reading_is(
    start: int, told: int, expected: int, flags: set[str]
) -> None:
    assert aligned(start, told) == (expected, flags)


def test_of_sessions_whose_start_was_not_seen_there_is_no_opinion() -> None:
    registers = Registers()
    reading: Reading = {"energy_wh": 5}
    assert registers.aligned("42", [reading]) == set()
    registers.started("42", 1000)
    registers.ended("42")
    registers.ended("42")
    assert registers.aligned("42", [reading, {"power_w": 3}]) == set()
    assert reading == {"energy_wh": 5}


def test_only_the_latest_sessions_are_remembered() -> None:
    registers = Registers()
    for number in range(17):
        registers.started(str(number), 1000)
    assert registers.aligned("0", [{"energy_wh": 5}]) == set()
    assert registers.aligned("1", [{"energy_wh": 5}]) == {"session_register"}
