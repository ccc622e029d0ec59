"""How the system comes up and goes down: demo data, a dead child, a second start in the background, a port in use.

One state directory for all, and two starts on it, in the order of the tests. Ctrl-C is beside the event streams.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import postgres
from stack.inherited import python_path
from stack.port_claims import claimed_offset
from tests.fixtures.otlp import Receiver, Seen
from tests.fixtures.system import System, running_system, until


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="csms-e2e-"))
    yield folder
    postgres.remove(folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def stack(system: System, state_dir: Path, receiver: Receiver) -> Iterator[System]:
    """A first start, with demo data, that tells its traces. `system` runs beside it all the time: two stacks do not see
    each other."""
    with running_system(state_dir, settings={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}) as started:
        yield started


@pytest.fixture(scope="module")
def demo_stations(stack: System) -> set[str]:
    """The stations that the first start has made."""
    return {station["id"] for station in stack.get("/stations").data}


def test_the_first_start_makes_demo_data_and_charge_points_that_use_it(stack: System, demo_stations: set[str]) -> None:
    assert len(demo_stations) == stack.get("/stations").json["totalSize"] == 3
    assert stack.get("/drivers").json["totalSize"] == 10
    assert stack.get("/rfid-cards").json["totalSize"] == 10
    points = {point["id"]: point for point in stack.get("/charge-points").data}
    assert set(points) == {"CP001", "CP002", "CP003", "CP004", "CP005"}
    until(lambda: stack.get("/connections").json["totalSize"] == 3)
    until(lambda: stack.get("/transactions?state=ACTIVE").data, within_seconds=30)
    assert "csms token --role operator" in "".join(stack.output)


def test_a_command_is_one_trace_from_rest_to_the_answer_of_the_charge_point(stack: System, receiver: Receiver) -> None:
    trace_id, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    connected = until(lambda: stack.get("/connections").data)[0]["chargePointId"]
    reported = stack.call(
        "POST",
        f"/charge-points/{connected}/trigger-message",
        {"message": "Heartbeat"},
        headers={"traceparent": f"00-{trace_id}-{caller}-01"},
    )
    assert reported.status == 200, reported.text
    expected = [
        ("transaction", "csms.transaction.v1.CommandService/TriggerMessage", "SERVER"),
        ("transaction", "deliver command", "INTERNAL"),
        ("transaction", "csms.edge.v1.EdgeService/DeliverCommand", "CLIENT"),
        ("edge", "csms.edge.v1.EdgeService/DeliverCommand", "SERVER"),
        ("edge", "OCPP TriggerMessage", "CLIENT"),
    ]

    def found() -> list[Seen]:
        """The spans from the outermost to the innermost, as far as they have come."""
        parent, chain = caller, []
        for service, name, kind in expected:
            chain += receiver.spans(name, trace_id=trace_id, parent_id=parent, service=service, kind=kind)
            parent = chain[-1].span_id if chain else ""
        return chain if len(chain) == len(expected) else []

    outer, delivery, *_, asked = receiver.until(found)
    assert outer.attributes["csms.tenant_id"] == "default"
    assert outer.attributes["csms.request_id"] == reported.headers["x-request-id"]
    assert delivery.attributes["csms.command_id"] == reported.data["id"]
    assert asked.attributes["csms.charge_point_id"] == connected


def test_batches_and_bills_are_spans(stack: System, receiver: Receiver) -> None:
    recorded = "csms.transaction.v1.RecordingService/RecordTransactionEvents"
    called = {span.span_id for span in receiver.until(lambda: receiver.spans(recorded, service="transaction"))}
    commits = receiver.until(lambda: receiver.spans("commit transaction events"))
    assert all(span.attributes["csms.items"] >= 1 for span in commits)
    assert any(called.intersection(span.links) for span in commits)
    consumed = receiver.until(lambda: receiver.spans("events consumed", service="billing"))
    assert consumed[0].attributes["csms.consumer"] == "billing-sessions"


@pytest.mark.usefixtures("demo_stations")
def test_a_dead_child_is_one_clear_line_and_everything_stops(stack: System) -> None:
    pids = running_pids(stack)
    os.kill(stack.pid_of("billing"), signal.SIGKILL)
    assert stack.process.wait(30) == 1
    said = "".join(stack.output)
    assert "billing" in said.splitlines()[-1] or "billing" in said.splitlines()[-2]
    assert "Traceback" not in said
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())


@pytest.mark.field_case("C16")
def test_a_stack_in_the_background_finds_the_data_again_and_is_stopped_by_its_state_directory(
    stack: System, demo_stations: set[str], state_dir: Path
) -> None:
    if stack.process.poll() is None:
        stack.stop()
    started = stack.csms("up", "--detach", timeout=120)
    try:
        assert (started.returncode, started.stderr) == (0, "")
        assert started.stdout.startswith("CSMS is up after")
        # Nobody is at its terminal.
        assert "Ctrl-C" not in started.stdout
        assert f"CSMS_STATE_DIR={state_dir} " in started.stdout.splitlines()[0]
        assert {station["id"] for station in stack.get("/stations").data} == demo_stations
        assert stack.csms("status").returncode == 0
        pids = running_pids(stack)
        # Who forked them has gone: nothing is started again here.
        assert forked_by_parent_of(next(pid for name, pid in pids.items() if "billing" in name)) <= set(pids.values())
        assert stack.csms("up", "--detach").returncode == 1
        assert stack.csms("up").stderr.count("\n") == 1
        assert stack.csms("clean").returncode == 1
    finally:
        stopped = stack.csms("stop")
    assert stopped.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    assert stack.csms("stop").stderr.startswith("csms: no stack runs on")
    assert stack.csms("clean").returncode == 0
    assert not (state_dir / "logs").exists()


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    # Connections of a stack that had these ports a moment ago may still linger, which must not hinder us.
    with claimed_offset() as offset, socket.create_server(("127.0.0.1", 3000 + offset)):
        environment = {
            **os.environ,
            "PYTHONPATH": python_path(),
            "CSMS_PORT_OFFSET": str(offset),
            "CSMS_STATE_DIR": str(tmp_path / "state"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "stack.cli", "up"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert str(3000 + offset) in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


def forked_by_parent_of(pid: int) -> set[int]:
    """Those with the command of who forks, among the children of the parent of `pid`: itself and whom it forked."""
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    children = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    found = {child for child in children if b"forks.py" in Path(f"/proc/{child}/cmdline").read_bytes()}
    assert pid in found
    return found


def running_pids(stack: System) -> dict[str, int]:
    """The processes of the stack by name."""
    found: dict[str, int] = json.loads((stack.state_dir / "processes.json").read_text())
    return found
