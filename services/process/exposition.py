"""Answers GET /metrics on a port of each service, in the Prometheus text format, for whoever collects the numbers.

One request a connection, nothing else, no token: the port is for the inside of a cluster and is never made public.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from services.process.service_name import service_name, set_service_name

_PATH = b"/metrics"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_BYTES = 8 * 1024
_REQUEST_SECONDS = 5.0
_log = logging.getLogger(__name__)


@asynccontextmanager
async def exposed(host: str, port: int) -> AsyncIterator[int]:
    """Answer with the numbers of this service on `host:port` until the block ends; zero takes a free port. Yields the
    port.

    Raises OSError when the address is taken.
    """
    server = await asyncio.start_server(partial(_serve, service_name()), host, port, limit=_REQUEST_BYTES)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        # Not waited for: a collector that hangs must not hold up the end of the process.
        server.close()


async def _serve(service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    set_service_name(service)
    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            # The headers are read so that closing does not reset what was answered.
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_answer(head))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
        _log.debug("no answer to what is no request")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _answer(head: bytes) -> bytes:
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return _response("400 Bad Request", "not HTTP\n")
    method, target, _ = words
    if target.split(b"?", 1)[0] != _PATH:
        return _response("404 Not Found", "only /metrics is here\n")
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", "only GET is served\n", "Allow: GET, HEAD\r\n")
    from services.process.prometheus import render  # when it is asked for: see there

    return _response("200 OK", render(), with_body=method == b"GET")


def _response(status: str, text: str, header: str = "", *, with_body: bool = True) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {_CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n{header}"
    return f"{head}Connection: close\r\n\r\n".encode() + (body if with_body else b"")
