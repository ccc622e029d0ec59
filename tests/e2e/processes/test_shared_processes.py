"""`CSMS_PROCESSES`: the same system in one process of ours, and in one for each; `two` is what all other tests run."""

import os
import signal
import urllib.request
from collections.abc import Iterator

import pytest

from simulator.load import processes
from stack.topology import EDGE, SERVICES
from tests.e2e.charging.charger import Charger
from tests.fixtures.system import System, running_system, until


@pytest.fixture(scope="module", params=["one", "each"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    settings = {"CSMS_PROCESSES": request.param}
    with running_system(tmp_path_factory.mktemp("state"), "--no-demo", "--restart", settings=settings) as system:
        assert len({system.pid_of(name) for name in (*SERVICES, EDGE)}) == {"one": 1, "each": 6}[request.param]
        yield system


def test_a_session_is_billed(stack: System) -> None:
    assert billed(stack, "SHARED1")


def test_everyone_tells_its_own_numbers(stack: System) -> None:
    told = {name: metrics(stack, name) for name in (*SERVICES, EDGE)}
    assert {name for name in told if "ocpp_connections " in told[name]} == {EDGE}
    assert {name for name in told if "csms_outbox_waiting " in told[name]} == set(SERVICES)
    # A call within a process is counted where it is answered, and there alone.
    recorded = 'method="/csms.transaction.v1.RecordingService/RecordTransactionEvents"'
    assert {name for name in told if recorded in told[name]} == {"transaction"}


def test_everyone_writes_under_its_name(stack: System) -> None:
    logged = "".join(log.read_text() for log in (stack.state_dir / "logs").glob("*.log"))
    assert all(f'"service":"{name}","logger":"services.rpc.health"' in logged for name in (*SERVICES, EDGE))


def test_a_list_of_processes_says_who_runs_where(stack: System) -> None:
    listed = processes.of_stack(stack.state_dir)
    assert {"postgres", "nats", "envoy"} < set(listed)
    assert {name for names in listed for name in names.split("+")} == {*SERVICES, EDGE, "postgres", "nats", "envoy"}


def test_who_is_killed_is_back_and_nothing_is_lost(stack: System) -> None:
    for name in ("transaction", "billing"):
        killed = stack.pid_of(name)
        os.kill(killed, signal.SIGKILL)
        until(lambda killed=killed, name=name: stack.pid_of(name) != killed)  # type: ignore[misc]
    until(lambda: stack.csms("status").returncode == 0, within_seconds=60)
    assert billed(stack, "SHARED2")


def billed(stack: System, name: str) -> bool:
    """A simulated charge point charges; whether its session comes to be billed."""
    charger = Charger(stack, name)
    done = stack.csms("simulate", name, "1.6", stack.ocpp_url(), "--id-tag", charger.card, "--duration", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return bool(until(lambda: charger.session("COMPLETED")))


def metrics(stack: System, name: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports.metrics(name)}/metrics", timeout=10) as answer:
        return str(answer.read().decode())
