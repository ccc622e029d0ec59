import json
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.checks.check import check
from chaos.checks.lies import SUBJECT as LIES
from chaos.checks.lies import Count
from chaos.injection import Struck
from chaos.report import FaultLine, Report, fault_lines, markdown, read, short, write
from chaos.schedule import Fault, FaultKind

FLEET = {"sessions": 10, "connects": 12, "refused": 3, "unsent": 0, "given_up": 0, "lies": {}}
LYING = {**FLEET, "lies": {"forgets": 2}}
REPORT = Report(
    command="csms chaos",
    commit="abc",
    machine="2 cores",
    versions={"Python": "3.11"},
    began="2026-01-01 12:00 UTC",
    minutes=3,
    seed=1,
    chargers=200,
    replicas=2,
    acknowledged={"Authorize": 5, "StartTransaction": 184_203},
    fleet=FLEET,
    faults=[],
    unsettled=[],
    settled_seconds=1.0,
    checks=[check("acknowledged facts", "starts are stored", 184_203, [])],
)


def test_a_run_without_failures_is_clean() -> None:
    assert REPORT.is_clean
    assert "0 of 184,203" in markdown(REPORT)


@pytest.mark.parametrize(
    "flaw",
    [
        {"checks": [check("acknowledged facts", "starts are stored", 5, ["one is lost"])]},
        {"checks": [check("acknowledged facts", "starts are stored", 0, [])]},
        {"unsettled": ["3 rows: outbox of billing"]},
        {"fleet": {**FLEET, "unsent": 1}},
        {"fleet": {**FLEET, "given_up": 1}},
        {"fleet": {}},
        {"fleet": LYING},
        {"fleet": LYING, "lies": {"forgets": Count(sessions=1)}, "checks": [check(LIES, "it is over", 0, [])]},
        {"faults": [FaultLine(1.0, "kill -9", ("nats",), "", None, 0.5)]},
        {"faults": [FaultLine(1.0, "fill a queue", ("nats",), "", 2.0, 0.5, 0)]},
    ],
)
def test_failures_and_what_was_not_looked_at_are_not_clean(flaw: dict[str, object]) -> None:
    flawed = replace(REPORT, **flaw)  # type: ignore[arg-type]
    assert not flawed.is_clean
    assert "NOT CLEAN" in markdown(flawed)


def test_where_nobody_lies_nothing_has_to_be_said_of_lies() -> None:
    assert replace(REPORT, checks=[*REPORT.checks, check(LIES, "it is over", 0, [])]).is_clean


def test_the_report_tells_what_became_of_each_lie_and_which_nobody_told() -> None:
    counts = {"forgets": Count(sessions=7, billed=4, held={"no_register": 1, "estimated_end": 2}, failed=1)}
    text = markdown(replace(REPORT, fleet={**LYING, "lies": {"forgets": 2, "denies": 1}}, lies=counts))
    assert "| forgets | 2 | 7 | 4 | 2 estimated_end, 1 no_register | 1 of 7 |" in text
    assert "Nobody has told denies" in text


def test_a_failure_is_shown_with_its_first_examples() -> None:
    many = check("acknowledged facts", "starts are stored", 100, (f"start {number}" for number in range(30)))
    text = markdown(replace(REPORT, checks=[many]))
    assert "30 of 100" in text
    assert "- start 0" in text
    assert "start 29" not in text


def test_the_silence_after_a_fault_is_the_longest_pause_until_the_next_one() -> None:
    struck = [
        Struck(Fault(1, FaultKind.KILL, ("nats",)), 1001.0, "1 processes", healed_seconds=2.04),
        Struck(Fault(9, FaultKind.CUT, ("chargers",)), 1009.0, "7 connections"),
    ]
    lines = fault_lines(struck, 1000.0, [1000.5, 1001.5, 1006.0, 1008.5, 1010.0, 1021.0])
    assert [(line.at_seconds, line.healed_seconds, line.silence_seconds) for line in lines] == [
        (1.0, 2.0, 4.5),
        (9.0, None, 11.0),
    ]


def test_the_report_is_written_for_machines_and_for_people(tmp_path: Path) -> None:
    write(REPORT, tmp_path)
    record = json.loads((tmp_path / "report.json").read_text())
    assert record["clean"] is True
    assert record["checks"][0]["checked"] == 184_203
    assert (tmp_path / "report.md").read_text() == markdown(REPORT)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    line = FaultLine(1.0, "kill -9", ["nats"], "1 processes", 2.0, None)
    failed = check("acknowledged facts", "ends are stored", 5, ["one is lost"])
    counts = {"forgets": Count(sessions=2, held={"no_register": 1})}
    written = replace(REPORT, faults=[line], checks=[*REPORT.checks, failed], fleet=LYING, lies=counts)
    write(written, tmp_path)
    assert read(tmp_path) == written
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no report"):
        read(tmp_path)


def test_the_short_report_has_the_faults_by_kind() -> None:
    lines = [FaultLine(float(at), "kill -9", ["nats"], "1 processes", float(at), 0.5 * at) for at in (1, 2, 9)]
    text = short(replace(REPORT, faults=lines))
    assert "| kill -9 | 3 | 2.0 s, 9.0 s | 4.5 s |" in text
    assert "| 9.0 s | kill -9" not in text
    never = replace(lines[0], healed_seconds=None)
    assert "NOT ALWAYS" in short(replace(REPORT, faults=[*lines, never]))
