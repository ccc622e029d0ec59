"""The command lines: what they accept, what they refuse, what the options amount to."""

from fractions import Fraction

import pytest

from simulator import cli, fleet_cli, scenario_file
from simulator.scenario import SCENARIOS
from simulator.simulate import Simulation
from simulator.transport import Endpoint


def _simulation(**changes: object) -> Simulation:
    values = {"identity": "CP001", "protocol": "1.6", "endpoint": Endpoint("ws://h"), "scenario": SCENARIOS["session"]}
    return Simulation(**(values | changes))  # type: ignore[arg-type]


def test_an_identity_and_a_version_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCPP_WEBSOCKET_PORT", raising=False)
    options = cli.simulate_parser().parse_args(["CP001", "1.6"])
    assert options.url == "ws://localhost:4000/ocpp"
    assert (options.id_tag, options.connector, options.duration) == ("DEMO0001", 1, 6.0)
    assert options.scenario is SCENARIOS["session"]


def test_the_stacks_port_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCPP_WEBSOCKET_PORT", "4777")
    assert cli.simulate_parser().parse_args(["CP001", "2.0.1"]).url == "ws://localhost:4777/ocpp"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["CP001"],
        ["CP001", "1.5"],
        ["CP001", "1.6", "http://host/"],
        ["CP001", "1.6", "ws://h", "--connector", "0"],
        ["CP001", "1.6", "ws://h", "--duration", "0"],
        ["CP001", "1.6", "ws://h", "--duration", "nan"],
        ["CP001", "1.6", "ws://h", "--energy-wh", "-5"],
        ["CP001", "1.6", "ws://h", "--scenario", "none"],
        ["CP001", "1.6", "ws://h", "--ca", "/no/such/file"],
        ["fleet", "--count", "0"],
        ["fleet", "--tags", ","],
        ["fleet", "--protocols", "1.5"],
        ["fleet", "--ids", "A,B", "--count", "3"],
        ["load", "--mix", "everything"],
        ["load", "--pids", "edge"],
        ["load", "--rate", "-1"],
        ["load", "--ca", "/no/such/file"],
        ["load", "--register", "http://h"],
        ["scenarios", "all"],
    ],
)
def test_a_bad_command_line_is_refused_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_connector_that_it_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["CP001", "1.6", "ws://h", "--connector", "3"]) == 2
    assert "connector 3" in capsys.readouterr().err


def test_a_scenario_of_another_version_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["CP001", "1.6", "ws://h", "--scenario", "seq-no-zero"]) == 2
    assert "2.0.1" in capsys.readouterr().err


def test_scenarios_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*scenario_file.names(), *SCENARIOS]
    assert all(len(line.split(maxsplit=2)) == 3 for line in lines)


def test_half_an_hour_of_charging_is_compressed_into_the_duration() -> None:
    simulation = _simulation(energy_wh=5_500, power_w=11_000, duration_seconds=6.0)
    assert simulation.charging_seconds == 1_800
    assert simulation.rate == Fraction(300)
    assert simulation.behind.total_seconds() == 1_794


def test_charging_that_is_short_enough_runs_in_real_time() -> None:
    simulation = _simulation(energy_wh=10, power_w=36_000, duration_seconds=6.0)
    assert simulation.charging_seconds == 1
    assert simulation.rate == Fraction(1)
    assert simulation.behind.total_seconds() == 0


def test_energy_that_takes_part_of_a_second_is_rounded_up_to_whole_ones() -> None:
    assert _simulation(energy_wh=1, power_w=11_000).charging_seconds == 1


def test_a_fleet_has_defaults_for_everything() -> None:
    options = fleet_cli.fleet_parser().parse_args([])
    assert (options.tags, options.protocols) == (["DEMO0001"], ["1.6", "2.0.1"])


def test_lists_of_names_are_cut_at_commas() -> None:
    options = fleet_cli.fleet_parser().parse_args(["--ids", "A, B,,C"])
    assert options.ids == ["A", "B", "C"]
