"""conformance.command: a CSMS that does badly is told in the report and by the exit code."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from conformance import command


class _Rest(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b'{"data": {"id": "1"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_DELETE = do_POST

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the test tells what it has seen."""


def _refuse_all(socket: ServerConnection) -> None:
    for text in socket:
        socket.send(json.dumps([4, json.loads(text)[1], "InternalError", "we are closed", {}]))


@pytest.fixture(scope="module")
def local() -> Iterator[command.Local]:
    """A CSMS whose operator is content, and that refuses what charge points say."""
    rest = ThreadingHTTPServer(("127.0.0.1", 0), _Rest)
    names = [Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1")]
    with serve(_refuse_all, "127.0.0.1", 0, subprotocols=names) as sockets:
        threads = [threading.Thread(target=server.serve_forever) for server in (rest, sockets)]
        for thread in threads:
            thread.start()
        yield command.Local(f"http://127.0.0.1:{rest.server_port}", f"ws://127.0.0.1:{_port(sockets)}", lambda: "token")
        rest.shutdown()
    rest.server_close()
    for thread in threads:
        thread.join(30)


def _port(server: Server) -> int:
    return int(server.socket.getsockname()[1])


_WORDS = ["--versions", "1.6,2.0.1", "--only", "TC_001,TC_A_01,TC_D_01", "--report"]


def test_failures_are_told_by_the_exit_code_and_in_markdown(local: command.Local, tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    assert command.main([*_WORDS, str(file)], local) == 1
    report = file.read_text()
    assert "| 1.6 | all | 1 | 0 | 1 | 0 | 0 |" in report
    assert "| 2.0.1 | all | 2 | 0 | 1 | 0 | 1 |" in report
    assert (
        "| **fail** | expected an answer to BootNotification, seen CALLERROR InternalError: we are closed |" in report
    )
    assert '-> [2, "' in report.partition("### TC_001_CSMS")[2]


def test_a_report_that_ends_in_json_is_json(local: command.Local, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert command.main([*_WORDS, str(file)], local) == 1
    told = {one["id"]: (one["version"], one["verdict"]) for one in json.loads(file.read_text())}
    assert told == {
        "TC_001_CSMS": ("1.6", "fail"),
        "TC_A_01_CSMS": ("2.0.1", "fail"),
        "TC_D_01_CSMS": ("2.0.1", "to come"),
    }


def test_cases_are_listed_and_none_is_run(local: command.Local, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = command.Local("http://127.0.0.1:1", "ws://127.0.0.1:1", local.token)
    assert command.main(["--list", "--only", "tc_e_0*", "--versions", "2.0.1"], nobody) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"TC_E_{number:02d}_CSMS" for number in (1, 2, 3, 4, 7, 8, 9)]


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(
    local: command.Local, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main([*_WORDS, str(tmp_path / "nowhere" / "report.md")], local)
    told = capsys.readouterr()
    assert "nowhere" in told.err
    assert "TC_001" not in told.out
