"""services.rpc.channels, against a real server: in another process as far as it can tell, and in its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import grpc
import grpc.aio
import pytest

from chaos.proxy import Proxy
from services.kernel.errors import DomainError, ErrorKind, unavailable
from services.process.logging import bind
from services.rpc import local
from services.rpc.channels import DEADLINE_SECONDS, channel
from services.rpc.server import running_server
from stack.ports import free_port
from tests.fixtures.library import Client, handlers, message
from tests.fixtures.tokens import Tokens

GetBookRequest, GetBookResponse = message("GetBookRequest"), message("GetBookResponse")
BOOK = {"title": "Ulysses", "binding": 1, "authors": [{"full_name": "James Joyce"}], "shelf_number": 1}


@pytest.fixture(params=["by connection", "in its process"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Library, "is_local", request.param == "in its process")


class Library:
    """A servicer that notes what calls it gets, and is unavailable for the first `away` of them."""

    is_local = False

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.calls: list[dict[str, Any]] = []
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def answer(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        """Any RPC; a book called `wait` never comes."""
        self.calls.append({**dict(context.invocation_metadata() or ()), "seconds": context.time_remaining()})
        if getattr(request, "book_id", "") == "wait":
            self.waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        if len(self.calls) <= self.away:
            raise unavailable("not now")
        return GetBookResponse(book={"id": "b1"})

    async def stream(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        yield await self.answer(request, context)

    @asynccontextmanager
    async def reached(self, tokens: Tokens, port: int = 0) -> AsyncIterator[tuple[Client, int]]:
        """A client whose channel leads here, and the port it leads to."""

        def register(server: grpc.aio.Server) -> None:
            behaviors: dict[str, Callable[..., Any]] = dict.fromkeys(
                ("GetBook", "CreateBook", "ReplaceBook", "Greet"), self.answer
            )
            server.add_generic_rpc_handlers([handlers({**behaviors, "WatchBooks": self.stream})])

        port = port or free_port()
        nearby = local.expected([f"127.0.0.1:{port}"]) if self.is_local else nullcontext()
        settings = tokens.settings(listen_port=port)
        with nearby:
            async with running_server("library", settings, register=register):
                connection = channel(f"http://127.0.0.1:{port}", "library", tokens.identity("edge"))
                yield Client(connection), port
                await connection.close()


async def test_a_call_shows_which_service_makes_it_and_for_which_request(tokens: Tokens) -> None:
    library = Library()
    bind(request_id="r1")

    async with library.reached(tokens) as (client, _):
        await client.GetBook(GetBookRequest(book_id="b1"))
        async for _ in client.WatchBooks(GetBookRequest(book_id="b1"), metadata=(("x-mine", "kept"),)):
            pass

    assert [call["x-request-id"] for call in library.calls] == ["r1", "r1"]
    assert all(call["authorization"].startswith("Bearer ") for call in library.calls)
    assert library.calls[1]["x-mine"] == "kept"


async def test_a_unary_call_without_a_deadline_gets_one_and_keeps_its_own(tokens: Tokens) -> None:
    library = Library()

    async with library.reached(tokens) as (client, _):
        await client.GetBook(GetBookRequest(book_id="b1"))
        await client.GetBook(GetBookRequest(book_id="b1"), timeout=60)
        async for _ in client.WatchBooks(GetBookRequest(book_id="b1")):
            pass

    default, own, stream = (call["seconds"] for call in library.calls)
    assert default == pytest.approx(DEADLINE_SECONDS, abs=2)
    assert own == pytest.approx(60, abs=2)
    assert stream is None


@pytest.mark.parametrize("name", ["GetBook", "ReplaceBook"])
async def test_a_call_that_is_safe_to_repeat_survives_a_moment_of_absence(tokens: Tokens, name: str) -> None:
    library = Library(away=2)
    request = (
        GetBookRequest(book_id="b1") if name == "GetBook" else message("UpdateBookRequest")(book_id="b", book=BOOK)
    )

    async with library.reached(tokens) as (client, _):
        response = await getattr(client, name)(request)

    assert response.book.id == "b1"
    assert len(library.calls) == 3


async def test_it_is_not_repeated_for_ever(tokens: Tokens) -> None:
    library = Library(away=100)

    async with library.reached(tokens) as (client, _):
        with pytest.raises(DomainError) as failed:
            await client.GetBook(GetBookRequest(book_id="b1"))

    assert failed.value.kind is ErrorKind.UNAVAILABLE
    assert len(library.calls) == 3


async def test_a_server_that_is_slow_to_shake_hands_is_waited_for(tokens: Tokens) -> None:
    library = Library()

    async with library.reached(tokens) as (_, port):
        proxy = Proxy("library", port)
        await proxy.open()
        proxy.stall()
        async with channel(f"http://127.0.0.1:{proxy.port}", "library", tokens.identity("edge")) as connection:
            # A write: if it failed it would not be repeated.
            call = asyncio.ensure_future(Client(connection).CreateBook(message("CreateBookRequest")(book=BOOK)))
            done, _ = await asyncio.wait([call], timeout=0.5)
            proxy.resume()
            await call
        await proxy.close()

    assert not done
    assert proxy.accepted == 1


async def test_it_is_not_repeated_beyond_its_deadline(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(away=100)
    # Before the next attempt the time would be over.
    monkeypatch.setattr("services.rpc.channels._BACKOFF_SECONDS", 60)

    async with library.reached(tokens) as (client, _), asyncio.timeout(20):
        with pytest.raises(DomainError) as failed:
            await client.GetBook(GetBookRequest(book_id="b1"), timeout=30)

    assert failed.value.kind is ErrorKind.UNAVAILABLE
    assert len(library.calls) == 1


async def test_a_write_is_never_repeated(tokens: Tokens) -> None:
    library = Library(away=1)

    async with library.reached(tokens) as (client, _):
        with pytest.raises(DomainError) as failed:
            await client.CreateBook(message("CreateBookRequest")(book=BOOK))

    assert failed.value.kind is ErrorKind.UNAVAILABLE
    assert len(library.calls) == 1


async def test_a_caller_who_gives_up_takes_his_call_back(tokens: Tokens) -> None:
    library = Library()

    async with library.reached(tokens) as (client, _), asyncio.timeout(10):
        call = asyncio.ensure_future(client.GetBook(GetBookRequest(book_id="wait"), timeout=60))
        await library.waiting.wait()
        call.cancel()
        await library.cancelled.wait()

    assert call.cancelled()


async def test_a_service_that_comes_back_is_found_again(tokens: Tokens) -> None:
    first, second = Library(), Library()
    async with first.reached(tokens) as (client, port):
        await client.GetBook(GetBookRequest(book_id="b1"))
    async with channel(f"127.0.0.1:{port}", "library", tokens.identity("edge")) as connection:
        with pytest.raises(DomainError) as failed:
            await Client(connection).GetBook(GetBookRequest(book_id="b1"), timeout=1)
        assert failed.value.kind is ErrorKind.UNAVAILABLE

        async with second.reached(tokens, port):
            response = await Client(connection).GetBook(GetBookRequest(book_id="b1"), timeout=10, wait_for_ready=True)

    assert response.book.id == "b1"
