"""services.rpc.channels, against a server that has begun to stop while its caller does not know yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from services.kernel.errors import DomainError, ErrorKind
from services.rpc.channels import channel
from services.rpc.server import running_server
from tests.fixtures.library import Client, handlers, message
from tests.fixtures.tokens import Tokens

GetBookRequest, GetBookResponse = message("GetBookRequest"), message("GetBookResponse")
BOOK = {"title": "Ulysses", "binding": 1, "authors": [{"full_name": "James Joyce"}], "shelf_number": 1}
# Heads of HTTP/2 frames: one that resets a stream is four bytes long and of type 3, the first that says goodbye speaks
# of the whole connection and of all its streams to come (RFC 9113 sections 6.4 and 6.8).
_RESET = b"\0\0\4\3"
_GOING_AWAY = b"\7\0\0\0\0\0\x7f\xff\xff\xff"


class Line:
    """A line from callers to the server on port `target`; what the server says can be held back for a while."""

    def __init__(self) -> None:
        self.target = 0
        self.port = 0
        self._holds = False
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._more_is_held = asyncio.Event()

    def hold(self) -> None:
        self._holds = True

    def release(self) -> None:
        self._holds = False
        for to_caller, data in self._held:
            to_caller.write(data)

    async def holds(self, words: bytes) -> None:
        """Return when `words` are among what is held back."""
        while words not in b"".join(data for _, data in self._held):
            self._more_is_held.clear()
            await self._more_is_held.wait()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._connect, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield

    async def _connect(self, caller: asyncio.StreamReader, to_caller: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(_pass_on(caller, to_server), self._pass_back(server, to_caller))

    async def _pass_back(self, server: asyncio.StreamReader, to_caller: asyncio.StreamWriter) -> None:
        while data := await server.read(65_536):
            if self._holds:
                self._held.append((to_caller, data))
                self._more_is_held.set()
            else:
                to_caller.write(data)
        to_caller.close()


async def _pass_on(caller: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
    while data := await caller.read(65_536):
        to_server.write(data)
    to_server.close()


class Library:
    """A servicer that counts its calls; a book called `wait` comes when it is told to go on."""

    def __init__(self) -> None:
        self.calls = 0
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()

    async def answer(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.calls += 1
        if getattr(request, "book_id", "") == "wait":
            self.waiting.set()
            await self.go_on.wait()
        return GetBookResponse(book={"id": "b1"})

    def register(self, server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers([handlers(dict.fromkeys(("GetBook", "CreateBook"), self.answer))])


class Restart:
    """A caller with a call under way at a server that has begun to stop, and another server in its place.

    The caller hears nothing of it before `line.release()`.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.line = Line()
        self.old, self.new = Library(), Library()

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack, AsyncExitStack() as old_server:
            old_port = await self._start(self.old, old_server)
            new_port = await self._start(self.new, stack)
            self.line.target = old_port
            await stack.enter_async_context(self.line.open())
            edge = self._tokens.identity("edge")
            client = Client(await stack.enter_async_context(channel(f"127.0.0.1:{self.line.port}", "library", edge)))
            under_way = asyncio.ensure_future(client.GetBook(GetBookRequest(book_id="wait"), timeout=60))
            await self.old.waiting.wait()
            self.line.hold()
            self.line.target = new_port
            stopping = asyncio.ensure_future(old_server.pop_all().aclose())
            await self.line.holds(_GOING_AWAY)
            yield client
            self.old.go_on.set()
            assert (await under_way).book.id == "b1"
            await stopping

    async def _start(self, library: Library, stack: AsyncExitStack) -> int:
        started = running_server("library", self._tokens.settings(), register=library.register)
        port, _ = await stack.enter_async_context(started)
        return port


@pytest.fixture
def restart(tokens: Tokens) -> Restart:
    return Restart(tokens)


async def test_a_call_that_is_safe_to_repeat_goes_to_the_next_server(restart: Restart) -> None:
    async with restart.under_way() as client, asyncio.timeout(20):
        call = asyncio.ensure_future(client.GetBook(GetBookRequest(book_id="b1")))
        await restart.line.holds(_RESET)
        restart.line.release()
        response = await call

    assert response.book.id == "b1"
    assert (restart.old.calls, restart.new.calls) == (1, 1)


async def test_a_write_fails_though_nobody_has_seen_it(restart: Restart) -> None:
    async with restart.under_way() as client, asyncio.timeout(20):
        call = asyncio.ensure_future(client.CreateBook(message("CreateBookRequest")(book=BOOK)))
        await restart.line.holds(_RESET)
        restart.line.release()
        with pytest.raises(DomainError) as failed:
            await call

    assert failed.value.kind is ErrorKind.UNAVAILABLE
    assert (restart.old.calls, restart.new.calls) == (1, 0)


async def test_a_caller_who_closes_his_channel_repeats_nothing(tokens: Tokens) -> None:
    library = Library()
    async with running_server("library", tokens.settings(), register=library.register) as (port, _):
        async with channel(f"127.0.0.1:{port}", "library", tokens.identity("edge")) as connection:
            call = asyncio.ensure_future(Client(connection).GetBook(GetBookRequest(book_id="wait"), timeout=60))
            await library.waiting.wait()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert library.calls == 1
        library.go_on.set()
