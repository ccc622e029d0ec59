import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from stack import health
from stack.ports import free_port
from stack.topology import PUBLIC_PORTS, Ports


class Entrance(BaseHTTPRequestHandler):
    """Answers `GET /health` as its server was told to."""

    def do_GET(self) -> None:
        status, body = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def entrance() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Entrance)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(port: int) -> health.Health:
    [answer, *_] = health.ask(Ports({"gateway": port, **dict.fromkeys(list(PUBLIC_PORTS)[1:], free_port())}), "0.0.0.0")
    return answer


@pytest.mark.parametrize(
    ("status", "body", "serving", "message"),
    [
        (200, json.dumps({"message": "fine"}).encode(), True, "HTTP 200: fine"),
        (503, json.dumps({"message": "no database"}).encode(), False, "HTTP 503: no database"),
        (502, b"upstream gone", False, "HTTP 502: upstream gone"),
        (200, b"[1]", True, "HTTP 200: [1]"),
        (500, b"", False, "HTTP 500: no message"),
    ],
)
def test_what_a_port_answers_is_told(
    status: int, body: bytes, serving: bool, message: str, entrance: HTTPServer
) -> None:
    entrance.answer = status, body  # type: ignore[attr-defined]
    answer = ask(entrance.server_port)
    assert (answer.name, answer.serving, answer.message) == ("gateway", serving, message)


def test_a_port_where_nobody_listens_does_not_serve() -> None:
    answer = ask(free_port())
    assert not answer.serving
    assert answer.message.startswith("no answer")
