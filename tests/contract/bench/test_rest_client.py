"""The client of `reads` keeps its connections, understands both kinds of bodies, and notices what is no success."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bench import rest_client


class _Facade(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: set[tuple[str, int]]

    def do_GET(self) -> None:
        type(self).connections.add(self.client_address)
        status = 200 if self.headers["Authorization"] == "Bearer token" else 401
        self.send_response(status)
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        else:
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def facade() -> Iterator[tuple[int, type[_Facade]]]:
    """The port of a facade, and its handler with the connections it saw."""
    handler = type("Handler", (_Facade,), {"connections": set()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, handler
        server.shutdown()


@pytest.mark.parametrize(("path", "length"), [("/length", 5), ("/chunks", 7)])
def test_many_answers_come_over_few_connections(facade: tuple[int, type[_Facade]], path: str, length: int) -> None:
    port, handler = facade
    reads = rest_client.read("127.0.0.1", port, [path], "token", readers=3, seconds=0.3)
    assert (reads.failures, reads.answer_bytes) == (0, length)
    assert len(reads.latencies_us) > 3
    assert len(handler.connections) == 3


def test_a_refusal_is_a_failure_with_its_reason(facade: tuple[int, type[_Facade]]) -> None:
    reads = rest_client.read("127.0.0.1", facade[0], ["/length"], "other", readers=2, seconds=0.1)
    assert (reads.failures, len(reads.latencies_us)) == (2, 0)
    assert "401" in reads.reason


def test_nobody_there_is_a_failure() -> None:
    reads = rest_client.read("127.0.0.1", 9, ["/"], "token", readers=1, seconds=0.1)
    assert reads.failures == 1
