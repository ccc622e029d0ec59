"""The short ledger run: the real stack, 200 charge points, every kind of fault, and an audit that has to be clean."""

import faulthandler
import json
import subprocess
import sys
from typing import Any

import pytest

from chaos.schedule import FaultKind
from stack.inherited import process_environment

_MINUTES, _SEED, _CHARGERS = "1.3", "20261", 200
# The faults, and what it takes to start, settle and audit on a busy machine.
_WITHIN_SECONDS = 480


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of the run."""
    folder = tmp_path_factory.mktemp("chaos")
    # The usual limit for one test is meant for tests that hang; this one takes its time.
    faulthandler.dump_traceback_later(_WITHIN_SECONDS + 30, exit=True)
    command = [sys.executable, "-m", "stack.cli", "chaos", "--minutes", _MINUTES, "--seed", _SEED]
    command += ["--chargers", str(_CHARGERS)]
    # More of them lie than in long runs, so that each lie is told in so short a time. What two lies come to together is
    # seen once in thousands of sessions; long runs look for that.
    command += ["--liars", "0.55", "--second-lies", "0"]
    done = subprocess.run(
        [*command, "--report-dir", str(folder)],
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=_WITHIN_SECONDS,
        check=False,
    )
    said = _without_faults(done.stdout) + done.stderr
    assert (folder / "report.json").exists(), said
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert done.returncode == (0 if found["clean"] else 1), said
    return {**found, "said": said}


def test_the_audit_is_clean(report: dict[str, Any]) -> None:
    assert report["clean"], report["said"]
    assert all(check["failed"] == 0 for check in report["checks"])


def test_there_was_something_to_lose(report: dict[str, Any]) -> None:
    checked = {check["claim"]: check["checked"] for check in report["checks"]}
    assert report["chargers"] == _CHARGERS
    assert checked["starts are stored"] > 100
    assert checked["ends are stored"] > 100
    assert checked["readings are stored with their session"] > 1_000
    assert checked["the bill is for the energy that the meter counted"] > 100
    assert checked["billing-sessions handled each of its events once"] > 100
    assert sum(report["acknowledged"].values()) > 2_000


def test_every_kind_of_fault_struck_and_healed(report: dict[str, Any]) -> None:
    assert {fault["kind"] for fault in report["faults"]} == {str(kind) for kind in FaultKind}
    assert [fault for fault in report["faults"] if fault["healed_seconds"] is None] == []
    killed = {target for fault in report["faults"] if fault["kind"] == FaultKind.KILL for target in fault["targets"]}
    engines, services = {"postgres", "nats", "envoy"}, {"station", "driver", "billing", "monitoring", "transaction"}
    assert killed == engines | {f"{name}{number}" for name in (*services, "edge") for number in ("", "-2")}


def _without_faults(text: str) -> str:
    """The report without its list of faults, which is long and no news."""
    return text.partition("| at | fault |")[0]
