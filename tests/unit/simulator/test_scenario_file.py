"""Scenarios in YAML: what is read, and what is said of a file that is none: file, line, place and reason."""

from pathlib import Path

import pytest

from simulator import cli, scenario_file
from simulator.dialects import DIALECTS
from simulator.scenario import SCENARIOS, Scenario
from simulator.scenario_file import ScenarioError, Step, parse
from simulator.steps import STEPS


def read(text: str) -> Scenario:
    return parse(text, "a.yaml", "a")


def steps_of(scenario: Scenario) -> list[Step]:
    [steps, _] = scenario.script.args  # type: ignore[attr-defined]  # a partial of `play`
    return list(steps)


@pytest.mark.parametrize("name", scenario_file.names())
def test_each_that_comes_with_the_simulator_is_one_for_every_version(name: str) -> None:
    scenario = scenario_file.shipped(name)
    assert scenario.about
    assert scenario.protocols == tuple(DIALECTS)
    assert name not in SCENARIOS


def test_a_step_is_a_name_a_value_or_what_it_says() -> None:
    scenario = read(
        """
about: All forms.
protocols: [1.6, 2.1]
steps:
  - plug-in
  - start: {power: 7000, energy: 500}
  - charge: 5 min
  - suspend: {by: EV, for: 90}
  - suspend: EVSE
  - resume:
  - stop
"""
    )
    assert (scenario.about, scenario.protocols, scenario.device_seconds) == ("All forms", ("1.6", "2.1"), 390)
    _, start, charge, suspend, until, *_ = steps_of(scenario)
    assert start.values == {"tag": None, "power": 7000, "energy": 500}
    assert (charge.values["for"], charge.line) == (300, 7)
    assert (suspend.values["for"], until.values["for"]) == (90, None)


_START = "about: x\nsteps:\n  - start\n"
_WRONG = {
    "": "a.yaml:1: is empty: a scenario has about and steps",
    "- plug-in": "a.yaml:1: is no mapping with about, protocols, steps",
    "about: x": "a.yaml:1: steps: is missing: a list of steps",
    "steps: [plug-in]": "a.yaml:1: about: is missing: one sentence",
    "about: x\nsteps: plug-in": "a.yaml:2: steps: is no list of 1 to 500 steps",
    "about: x\nsteps: [plug-in]\nstep: 1": "a.yaml:3: step: is not known; there are about, protocols, steps",
    "about: x\nabout: y\nsteps: [plug-in]": "a.yaml:2: about: is said twice",
    "about: x\nprotocols: [1.5]\nsteps: [plug-in]": "a.yaml:2: protocols[0]: '1.5' is none of 1.6, 2.0.1, 2.1",
    "about: x\nprotocols: 1.6\nsteps: [plug-in]": "a.yaml:2: protocols: is no list of versions",
    "about: x\nsteps:\n  - plug-in\n  - plugin": "a.yaml:4: steps[1]: 'plugin' is no step; there are plug-in,",
    "about: x\nsteps:\n  - [plug-in]": "a.yaml:3: steps[0]: is no step: write its name, or `name: value`",
    "about: x\nsteps:\n  - plug-in: 3": "a.yaml:3: steps[0].plug-in: cannot be said so: the step has nothing",
    _START + "  - charge": "a.yaml:4: steps[1].charge.for: is missing: how long",
    _START + "  - charge: soon": "a.yaml:4: steps[1].charge.for: 'soon' is no time from 1 s to 24 h",
    _START + "  - charge: 0": "a.yaml:4: steps[1].charge.for: '0' is no time from 1 s to 24 h",
    _START + "  - charge: 25 h": "a.yaml:4: steps[1].charge.for: '25 h' is no time from 1 s to 24 h",
    _START + "  - charge: {for: 5, power: -1}": "a.yaml:4: steps[1].charge.power: '-1' is no whole number from 0 to",
    _START + "  - charge: {for: 5, watts: 1}": "a.yaml:4: steps[1].charge.watts: is not known; there are for, power",
    _START + "  - charge: {for: [5]}": "a.yaml:4: steps[1].charge.for: is no single value",
    _START + "  - suspend: {by: Car}": "a.yaml:4: steps[1].suspend.by: 'Car' is none of EV, EVSE",
    _START + "  - fault: Explosion": "a.yaml:4: steps[1].fault.code: 'Explosion' is none of OtherError,",
    _START + "  - plug-in\n  - start": "a.yaml:5: start: a transaction runs already, since line 3",
    "about: x\nsteps: [plug-in, stop]": "a.yaml:2: stop: no transaction runs here: `start` comes first",
    "about: x\nsteps: [": "a.yaml:2: is no YAML: ",
    "about: \0": "a.yaml:1: is no YAML: ",
}


@pytest.mark.parametrize("text", _WRONG)
def test_what_is_wrong_is_named_by_line_and_place(text: str) -> None:
    with pytest.raises(ScenarioError) as wrong:
        read(text)
    assert _WRONG[text] in str(wrong.value)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(ScenarioError) as wrong:
        read("about: x\nsteps:\n  - plugin\n  - wait: soon\n  - fault: {code: No, for: 1 year}")
    lines = str(wrong.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "4", "5", "5"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: " + b"[" * 300, b"&a [*a]", b"!!python/object:os.system x"])
def test_no_bytes_are_more_than_a_file_that_is_none(content: bytes) -> None:
    with pytest.raises(ScenarioError, match=r"^a\.yaml:\d+: "):
        parse(content, "a.yaml", "a")


def test_a_file_that_is_too_long_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_bytes(b"#" * 100_001)
    with pytest.raises(ScenarioError, match="has more than 100000 bytes"):
        scenario_file.load(tmp_path / "long.yaml")
    with pytest.raises(ScenarioError, match="No such file"):
        scenario_file.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("first", [["CP001", "1.6"], ["--fleet", "2"]])
def test_the_command_line_says_what_is_wrong_with_a_file(
    first: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("about: x\nsteps:\n  - nonsense\n")
    for chosen, reason in (
        (str(path), f"{path}:3: steps[0]: 'nonsense' is no step"),
        ("nowhere", "is no file, nor one"),
    ):
        with pytest.raises(SystemExit) as refused:
            cli.main([*first, "--scenario", chosen])
        assert refused.value.code == 2
        assert reason in capsys.readouterr().err


def test_each_step_is_explained_where_people_look() -> None:
    readme = (Path(scenario_file.__file__).parent / "README.md").read_text()
    assert [name for name in STEPS if f"| `{name}` |" not in readme] == []
