"""A REST client that costs little: HTTP/1.1 with keep-alive on bare sockets, one request after the other on each.

Understands answers with a length or in chunks, and nothing else.
"""

import asyncio
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

_DEADLINE_SECONDS = 30.0


class BadAnswer(Exception):
    """An answer that was not success, or no answer."""


@dataclass
class Reads:
    """What a number of readers got: latencies in microseconds, failures, bytes of the last answer."""

    latencies_us: "array[int]" = field(default_factory=lambda: array("L"))
    failures: int = 0
    answer_bytes: int = 0
    reason: str = ""


def read(host: str, port: int, paths: Sequence[str], token: str, readers: int, seconds: float) -> Reads:
    """Let `readers` fetch the paths in turn, as fast as they are answered, for so long."""
    return uvloop.run(_read(host, port, paths, token, readers, seconds))


async def _read(host: str, port: int, paths: Sequence[str], token: str, readers: int, seconds: float) -> Reads:
    reads = Reads()
    until = time.monotonic() + seconds
    requests = [request(host, port, path, token) for path in paths]

    async def one(number: int) -> None:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            async with asyncio.timeout(seconds + _DEADLINE_SECONDS):
                while (began := time.monotonic()) < until:
                    writer.write(requests[number % len(requests)])
                    number += 1
                    reads.answer_bytes = await answer_length(reader)
                    reads.latencies_us.append(int((time.monotonic() - began) * 1e6))
            writer.close()
        except (BadAnswer, OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            reads.failures += 1
            reads.reason = str(error) or type(error).__name__

    await asyncio.gather(*(one(number) for number in range(readers)))
    return reads


def request(host: str, port: int, path: str, token: str) -> bytes:
    """A GET as bytes."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}:{port}", f"Authorization: Bearer {token}", "", "")
    return "\r\n".join(lines).encode()


async def answer_length(reader: asyncio.StreamReader) -> int:
    """Read one answer; returns the length of its body. Raises BadAnswer unless it is a success."""
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    status = status_line.split(" ")[1]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await _chunks(reader)
    if not status.startswith("2"):
        raise BadAnswer(f"HTTP {status} {body[:200].decode('utf-8', 'replace')}")
    return len(body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readline()
    return body
