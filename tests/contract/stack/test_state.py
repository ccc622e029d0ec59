import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.state import State
from stack.topology import PORTS, Ports

PORTS_OF_ONE = Ports(PORTS, replicas=2)


def test_a_directory_is_held_by_one_stack_at_a_time(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.held(PORTS_OF_ONE), pytest.raises(StackError, match="already"), state.held(PORTS_OF_ONE):
        pass


def test_whoever_asks_is_told_who_runs_and_on_which_ports(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    assert state.running() is None
    with state.held(PORTS_OF_ONE):
        running = state.running()
        assert running is not None
        assert running.ports == PORTS_OF_ONE
    assert state.running() is None


def test_a_stack_that_was_killed_does_not_hold_its_directory(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from stack.state import State; from stack.topology import PORTS, Ports\n"
        "with State(Path(sys.argv[1])).held(Ports(PORTS)): os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3], check=False)
    assert ended.returncode == -9
    assert (tmp_path / "running.json").exists()
    assert State(tmp_path).running() is None
    with State(tmp_path).held(PORTS_OF_ONE):
        pass


def test_other_accounts_get_through_but_see_no_list(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.held(PORTS_OF_ONE):
        assert stat.S_IMODE(state.root.stat().st_mode) == 0o711


def test_forgetting_takes_what_a_stack_has_made_and_nothing_else(tmp_path: Path) -> None:
    state = State(tmp_path)
    for folder in (state.keys, state.logs, state.nats, state.postgres / "data"):
        folder.mkdir(parents=True)
    state.envoy_configuration.touch()
    (tmp_path / "a thesis").touch()
    state.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["a thesis"]


def test_a_running_stack_is_not_forgotten(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.keys.mkdir()
    with state.held(PORTS_OF_ONE), pytest.raises(StackError, match="stop it first"):
        state.forget()
    assert state.keys.exists()
