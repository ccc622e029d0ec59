"""services.process.exposition and process_metrics: the numbers of a process, from outside"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator

import pytest

from services.process import metrics, process_metrics
from services.process.exposition import exposed
from tests.fixtures.background import eventually


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with exposed("127.0.0.1", 0) as port:
        yield port


async def _exchange(port: int, request: bytes) -> tuple[str, str]:
    """The first line of the answer, and its body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.split("\r\n")[0], body


async def _numbers(port: int) -> dict[str, float]:
    status, body = await _exchange(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == "HTTP/1.1 200 OK"
    lines = (line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


async def test_the_numbers_of_the_process_are_told(port: int) -> None:
    metrics.counter("exposed_total", "Exposed.", what="a").add(3)

    assert (await _numbers(port))['exposed_total{what="a"}'] == 3


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", "404 Not Found"),
        (b"GET /metrics/.. HTTP/1.1", "404 Not Found"),
        (b"POST /metrics HTTP/1.1", "405 Method Not Allowed"),
        (b"PRI * HTTP/2.0", "400 Bad Request"),
        (b"\x16\x03\x01", "400 Bad Request"),
    ],
)
async def test_anything_else_is_refused(port: int, request_line: bytes, status: str) -> None:
    assert (await _exchange(port, request_line + b"\r\n\r\n"))[0] == f"HTTP/1.1 {status}"
    assert await _numbers(port)


@pytest.mark.parametrize("request_", [b"", b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 100_000])
async def test_what_is_no_request_ends_its_connection_only(port: int, request_: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_)
    writer.close()
    assert await _numbers(port)


async def test_a_process_tells_what_it_uses(port: int) -> None:
    with process_metrics.measured():
        numbers = await _numbers(port)

        assert numbers["process_cpu_seconds_total"] == pytest.approx(time.process_time(), abs=1)
        assert 10e6 < numbers["process_resident_memory_bytes"] < 10e9
        assert numbers["process_open_fds"] >= 3


async def test_a_blocked_loop_and_a_collection_are_seen(port: int) -> None:
    with process_metrics.measured():
        before = await _numbers(port)
        time.sleep(0.4)  # noqa: ASYNC251 - the mishap that is to be seen
        gc.collect()

        async def seen() -> bool:
            return (await _numbers(port))["event_loop_lag_max_seconds"] > 0.2

        await eventually(seen)
        after = await _numbers(port)
    assert after["event_loop_lag_seconds_sum"] - before["event_loop_lag_seconds_sum"] > 0.2
    full = 'gc_pause_seconds_count{generation="2"}'
    assert after[full] > before[full]
    assert after["gc_pause_max_seconds"] > 0


def test_a_maximum_is_forgotten_after_a_minute() -> None:
    now = 100.0
    greatest = process_metrics.RecentMaximum(lambda: now)
    greatest.observe(5)
    now += 29
    assert greatest.read() == 5
    now += 29
    greatest.observe(1)
    assert greatest.read() == 5
    now += 31
    assert greatest.read() == 1
    now += 300
    assert greatest.read() == 0
