"""What a peer sees when the proxy misbehaves, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from chaos.proxy import Proxy, open_in_steps
from stack.ports import LOOPBACK, free_port, is_listening

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_SOON = 5.0
_NOT_YET = 0.1


class Echo:
    """A server that sends back what it gets, and keeps count."""

    def __init__(self) -> None:
        self.heard = b""
        self.resets = 0
        self.ended = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionResetError:
            self.resets += 1
        self.ended.set()
        writer.close()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    server = Echo()
    yield server
    await server.stop()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    made = Proxy("echo", await echo.start())
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def connect(proxy: Proxy) -> AsyncIterator[Connect]:
    writers: list[asyncio.StreamWriter] = []

    async def make() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
        writers.append(writer)
        return reader, writer

    yield make
    for writer in writers:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_what_is_sent_arrives_whole_and_comes_back(connect: Connect, echo: Echo) -> None:
    reader, writer = await connect()
    data = bytes(range(256)) * 20_000
    writer.write(data)
    assert await asyncio.wait_for(reader.readexactly(len(data)), _SOON) == data
    writer.close()
    await asyncio.wait_for(echo.ended.wait(), _SOON)
    assert echo.heard == data


async def test_while_it_stands_still_nothing_passes_and_afterwards_nothing_is_missing(
    connect: Connect, proxy: Proxy
) -> None:
    reader, writer = await connect()
    writer.write(b"before")
    assert await asyncio.wait_for(reader.readexactly(6), _SOON) == b"before"
    proxy.stall()
    writer.write(b"during")
    late_reader, late_writer = await connect()
    late_writer.write(b"late")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), _NOT_YET)
    proxy.resume()
    assert await asyncio.wait_for(reader.readexactly(6), _SOON) == b"during"
    assert await asyncio.wait_for(late_reader.readexactly(4), _SOON) == b"late"


async def test_a_cut_resets_both_ends(connect: Connect, proxy: Proxy, echo: Echo) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await asyncio.wait_for(reader.readexactly(1), _SOON)
    assert proxy.cut() == 1
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), _SOON)
    await asyncio.wait_for(echo.ended.wait(), _SOON)
    assert echo.resets == 1


async def test_a_torn_connection_ends_half_way_through_what_it_carries(
    connect: Connect, proxy: Proxy, echo: Echo
) -> None:
    reader, writer = await connect()
    writer.write(b"whole ")
    await asyncio.wait_for(reader.readexactly(6), _SOON)
    assert proxy.tear() == 1
    writer.write(b"half of this")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), _SOON)
    await asyncio.wait_for(echo.ended.wait(), _SOON)
    # A reset may overtake what was sent before it, so the half may be missing; the whole must be.
    assert echo.heard in (b"whole ", b"whole half o")


async def test_other_connections_come_through_after_a_cut(connect: Connect, proxy: Proxy) -> None:
    await connect()
    proxy.cut()
    reader, writer = await connect()
    writer.write(b"again")
    assert await asyncio.wait_for(reader.readexactly(5), _SOON) == b"again"


async def test_proxies_in_steps_are_opened_where_all_ports_are_free(echo: Echo) -> None:
    proxies = [Proxy(name, await echo.start()) for name in ("one", "other")]
    blocker = Proxy("blocker", 0)
    await blocker.open()
    # From the first of these the second port is taken: what was bound for it is given back.
    await open_in_steps(proxies, 3, [blocker.port - 3, *range(20_000, 20_300)])
    one, other = (proxy.port for proxy in proxies)
    assert other == one + 3 < 20_303
    assert all(map(is_listening, (one, other)))
    with pytest.raises(OSError, match="none of the ports is free"):
        await open_in_steps([Proxy("third", 0)], 3, [blocker.port])
    for proxy in (*proxies, blocker):
        await proxy.close()


async def test_who_calls_nobody_is_reset() -> None:
    proxy = Proxy("nobody", free_port())
    await proxy.open()
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), _SOON)
    writer.close()
    await proxy.close()
