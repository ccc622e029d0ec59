import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from stack import keys
from stack.inherited import python_path
from stack.state import State
from stack.topology import PORTS, Ports

Csms = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def csms(tmp_path: Path) -> Csms:
    """Runs the command as a user would, on a state directory of its own."""

    def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        clean = {name: value for name, value in os.environ.items() if not name.endswith(("_PORT", "_URL"))}
        return subprocess.run(
            [sys.executable, "-m", "stack.cli", *words],
            env={**clean, "PYTHONPATH": python_path(), "CSMS_STATE_DIR": str(tmp_path / "state"), **environment},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def assert_one_line(failed: "subprocess.CompletedProcess[str]", *words: str, code: int = 1) -> None:
    assert failed.returncode == code
    assert failed.stdout == ""
    assert failed.stderr.startswith("csms: ")
    assert failed.stderr.count("\n") == 1
    for word in words:
        assert word in failed.stderr


def test_a_token_is_printed_and_nothing_else(csms: Csms, tmp_path: Path) -> None:
    keys.ensure(State(tmp_path / "state").keys)
    printed = csms("token", "--role", "driver", "--driver", "d-1", "--ttl", "15m")
    assert (printed.returncode, printed.stderr) == (0, "")
    claims = jwt.decode(printed.stdout.strip(), options={"verify_signature": False})
    assert (claims["driver_id"], claims["exp"] - claims["iat"]) == ("d-1", 900)


def test_without_a_state_directory_the_way_to_one_is_told(csms: Csms) -> None:
    assert_one_line(csms("token", "--role", "admin"), "csms up")
    # Not the code of a stack that is not well: scripts tell the two apart.
    assert_one_line(csms("status"), "no stack runs", code=3)


@pytest.mark.parametrize(
    ("words", "environment", "named"),
    [
        (["up"], {"CSMS_PORT_OFFSET": "many"}, "CSMS_PORT_OFFSET"),
        (["up"], {"GATEWAY_PORT": "3001"}, "3001"),
        (["up", "--detach"], {"GATEWAY_PORT": "3001"}, "3001"),
        (["stop"], {}, "no stack runs on"),
        (["token", "--role", "driver"], {}, "--driver"),
        (["render-envoy", "--output", "/proc/nothing/envoy.yaml"], {}, "/proc/nothing"),
        (["render-envoy", "--output", "envoy.yaml"], {"EDGE_SERVICE_URL": "nowhere"}, "EDGE_SERVICE_URL"),
        (["migrate"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "migrate"),
    ],
)
def test_a_failure_is_one_line(words: list[str], environment: dict[str, str], named: str, csms: Csms) -> None:
    assert_one_line(csms(*words, **environment), named)


def test_what_env_file_sets_counts_as_if_it_were_set_in_the_environment(csms: Csms, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "CSMS_RATE_LIMIT_PER_SECOND=77\nCSMS_TRUSTED_PROXY_HOPS=3\nEDGE_SERVICE_URL=edge.example:1\nCSMS_ACCESS_LOG=\n"
    )
    rendered = csms("render-envoy", "--output", "envoy.yaml", CSMS_TRUSTED_PROXY_HOPS="2", EDGE_SERVICE_URL="")
    assert (rendered.returncode, rendered.stderr) == (0, "")
    reported = (tmp_path / "envoy.yaml").read_text(encoding="utf-8")
    assert "max_tokens: 77" in reported
    assert "xff_num_trusted_hops: 2" in reported
    assert "edge.example" in reported
    assert "/dev/stdout" in reported


def test_an_env_file_that_cannot_be_read_is_one_line(csms: Csms, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NAME=\xff\n")
    assert_one_line(csms("status"), ".env")


@pytest.mark.field_case("E1")
def test_a_service_gets_a_new_key(csms: Csms, tmp_path: Path) -> None:
    made = keys.ensure(State(tmp_path / "state").keys)
    before = made.service_private_key_file("edge").read_text()

    reported = csms("rotate-key", "edge", "--revoke")

    assert (reported.returncode, reported.stderr) == (0, "")
    assert reported.stdout == "edge has a new key from its next start; the old one is good no more\n"
    assert made.service_private_key_file("edge").read_text() != before
    assert csms("rotate-key", "gateway").returncode == 2


@pytest.mark.parametrize("words", [[], ["fly"], ["token"], ["token", "--role", "king"], ["token", "--ttl", "1y"]])
def test_a_bad_command_line_is_answered_with_the_usage(words: list[str], csms: Csms) -> None:
    refused = csms(*words)
    assert refused.returncode == 2
    assert refused.stderr.startswith("usage: csms")


def test_a_second_stack_on_one_state_directory_is_refused(csms: Csms, tmp_path: Path) -> None:
    with State(tmp_path / "state").held(Ports(PORTS)):
        assert_one_line(csms("up"), "a stack runs on", str(os.getpid()))
        assert_one_line(csms("up", "--detach"), "a stack runs on", str(os.getpid()))
        assert_one_line(csms("clean"), "stop it first")


def test_status_tells_who_does_not_serve(csms: Csms, tmp_path: Path) -> None:
    # Port 1 of this machine belongs to nobody.
    with State(tmp_path / "state").held(Ports({**PORTS, **dict.fromkeys(PORTS, 1)})):
        shown = csms("status")
    assert shown.returncode == 1
    assert shown.stdout.count("NOT SERVING") == 7
    assert "gateway" in shown.stdout


def test_clean_forgets_the_state(csms: Csms, tmp_path: Path) -> None:
    keys.ensure(State(tmp_path / "state").keys)
    assert csms("clean").returncode == 0
    assert not (tmp_path / "state").exists()
