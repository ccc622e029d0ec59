"""What `csms bench --against` is asked for, and what it makes of its figures."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bench.against import report
from bench.against.command import SLOWER, sizes_of
from bench.against.plan import HANDSHAKE, QUICK, Sizes
from bench.against.ratios import Ratio
from bench.against.rounds import Cost, Figure, is_old_first
from bench.command import main, parser
from bench.plan import LOADS, REST, START
from bench.reads import PATHS

_ABOUT: dict[str, Any] = {
    "time": "2026-11-30T00:00:00+00:00",
    "new": "abc1234",
    "old": "0.1.0 (817e2decb2bd)",
    "sizes": {"rounds": 6, "seconds": 2.0, "connections": 400, "idle": 1_000},
    "machine": {"cpu": "a processor", "cores": 2, "system": "Linux", "loadAverage": [0.5, 0.5, 0.5]},
    "loadBefore": 0.1,
    "idleNew": 0.08,
    "idleOld": 0.07,
    "failures": [],
}


def _sizes(*words: str) -> Sizes:
    return sizes_of(parser().parse_args(["--against", "0.1.0", *words]), _refuse)


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)


def _cost(row: str, least: float, most: float) -> Cost:
    return Cost(
        row, {"edge": 50.0, "transaction": 60.0}, {"edge": 40.0, "transaction": 60.0}, Ratio(1.1, least, most, 6), ()
    )


def test_without_options_everything_that_is_hot_is_compared() -> None:
    assert _sizes() == Sizes()
    assert _sizes().rows == ("metervalues", "starts", "transaction", "heartbeat", HANDSHAKE, *PATHS)


def test_rounds_seconds_and_connections_are_those_of_the_command_line() -> None:
    sizes = _sizes("--rounds", "3", "--seconds", "0.5", "--connections", "50")
    assert (sizes.rounds, sizes.seconds, sizes.connections) == (3, 0.5, 50)
    assert _sizes("--quick", "--rounds", "4") == replace(QUICK, rounds=4)


def test_only_some_are_compared_by_the_names_that_they_have_in_the_benchmark() -> None:
    assert _sizes("--only", "connections,heartbeat").rows == (HANDSHAKE, "heartbeat")
    assert _sizes("--only", "reads").rows == PATHS
    assert _sizes("--only", "lone,rest").rows == ("lone-metervalues", "lone-starts", REST)
    with pytest.raises(ValueError, match="not growth, storm"):
        _sizes("--only", "growth,boot,storm")


def test_what_a_stack_is_started_for_is_apart_from_what_serves_all_the_time() -> None:
    sizes = _sizes("--only", "start,starts,rest,reads")
    assert (sizes.fresh_rows, sizes.rows_in_use) == ((START, REST), ("starts", *PATHS))


def test_what_is_offered_slowly_goes_on_for_longer_than_what_is_not() -> None:
    sizes = Sizes(seconds=2.0)
    assert sizes.load_seconds(LOADS["lone-starts"]) == 10.0
    assert sizes.load_seconds(LOADS["few-starts"]) == 2.0


@pytest.mark.parametrize("words", [["--limit", "1.05"], ["--against", "HEAD", "--limit", "none"], ["--rounds", "0"]])
def test_what_makes_no_sense_is_a_bad_command_line(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--report-dir", str(tmp_path)])
    assert ended.value.code == 2


def test_the_exit_code_of_a_slower_build_is_no_other_one() -> None:
    assert SLOWER not in (0, 1, 2, 3, 130)


def test_a_row_has_the_builds_in_turns_from_round_to_round_and_its_neighbour_the_other_way_round() -> None:
    assert [is_old_first(number, 0) for number in range(4)] == [True, False, True, False]
    assert [is_old_first(number, 1) for number in range(4)] == [False, True, False, True]


@pytest.mark.parametrize(
    ("least", "most", "verdict"), [(1.06, 1.2, "ABOVE"), (1.0, 1.2, "not above for sure"), (0.9, 1.04, "within")]
)
def test_a_verdict_is_sure_only_beyond_the_spread(least: float, most: float, verdict: str) -> None:
    assert report.verdict(Ratio(1.1, least, most, 6), 1.05) == verdict
    assert report.verdict(Ratio(1.1, least, most, 6), None) == "-"


def test_the_report_says_ratios_with_their_spread_and_which_process_it_is() -> None:
    text = report.render([_cost("metervalues", 1.06, 1.2), _cost(PATHS[0], 0.9, 1.0)], _ABOUT, 1.05)
    assert "# abc1234 against 0.1.0 (817e2decb2bd)" in text
    assert "| MeterValues | 100 | 110 | 1.100 | 1.060..1.200 | 6 | ABOVE |" in text
    assert f"| GET {PATHS[0]} | 100 | 110 | 1.100 | 0.900..1.000 | 6 | within |" in text
    assert "| MeterValues | 40.0 → 50.0 | 60.0 → 60.0 |" in text


def test_latency_and_memory_are_told_and_judged_as_the_cpu_is() -> None:
    slower = Figure("p99 ms", 20.0, 10.0, Ratio(2.0, 1.8, 2.2, 6))
    cost = replace(_cost("lone-metervalues", 0.4, 0.6), figures=(slower,))
    assert cost.is_above(1.05)
    assert not replace(cost, figures=()).is_above(1.05)
    text = report.render([cost], _ABOUT, 1.05)
    assert "| MeterValues: 200/s by 50 chargers: p99 ms | 10.0 | 20.0 | 2.000 | 1.800..2.200 | 6 | ABOVE |" in text
