"""services.rpc.local: what a call within a process is, and what it is not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest

from services.kernel.errors import DomainError, ErrorKind, FieldViolation
from services.process import metrics
from services.process.service_name import service_name, set_service_name
from services.rpc import local
from services.rpc.channels import channel
from services.rpc.server import running_server
from stack.ports import free_port
from tests.fixtures.library import Client, handlers, message
from tests.fixtures.tokens import Tokens

GetBookRequest, GetBookResponse = message("GetBookRequest"), message("GetBookResponse")


@asynccontextmanager
async def library(
    tokens: Tokens, get_book: Callable[..., Any], *, grace_seconds: float = 1.0
) -> AsyncIterator[tuple[Client, asyncio.Event, Client]]:
    """A client in the service `front` of the library in the same process, what stops that library, and a client that
    comes by a connection."""
    port, stop, stopped = free_port(), asyncio.Event(), asyncio.Event()

    async def serve(up: asyncio.Event) -> None:
        set_service_name("library")
        settings = tokens.settings(listen_port=port, grace_seconds=grace_seconds)

        def register(server: grpc.aio.Server) -> None:
            server.add_generic_rpc_handlers([handlers({"GetBook": get_book})])

        async with running_server("library", settings, register=register):
            up.set()
            await stop.wait()
        stopped.set()

    set_service_name("front")
    with local.expected([f"127.0.0.1:{port}"]):
        up = asyncio.Event()
        serving = asyncio.create_task(serve(up))
        await up.wait()
        near, far = (
            channel(f"{host}:{port}", "library", tokens.identity("edge")) for host in ("127.0.0.1", "localhost")
        )
        yield Client(near), stop, Client(far)
        stop.set()
        await serving
        await near.close()
        await far.close()


async def test_it_is_the_callees_work(tokens: Tokens, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def get_book(request: Any, context: Any) -> Any:
        seen.append(service_name())
        logging.getLogger("library").warning("asked")
        metrics.counter("books_total", "Books.").add()
        return GetBookResponse(book={"id": request.book_id})

    async with library(tokens, get_book) as (client, *_):
        response = await client.GetBook(GetBookRequest(book_id="b1"))
        assert service_name() == "front"
        assert metrics.counter("books_total", "Books.").value == 0

    assert response.book.id == "b1"
    assert seen == ["library"]


async def test_neither_side_sees_what_the_other_does_to_its_messages(tokens: Tokens) -> None:
    kept: list[Any] = []

    async def get_book(request: Any, context: Any) -> Any:
        request.book_id = "changed"
        kept.append(GetBookResponse(book={"id": "b1"}))
        return kept[0]

    request = GetBookRequest(book_id="b1")
    async with library(tokens, get_book) as (client, *_):
        response = await client.GetBook(request)
        response.book.id = "mine"

    assert request.book_id == "b1"
    assert kept[0].book.id == "b1"


async def test_what_is_wrong_is_told_as_it_would_be_from_afar(tokens: Tokens) -> None:
    async def get_book(request: Any, context: Any) -> Any:
        violations = [FieldViolation("book_id", "is of no book")]
        raise DomainError(ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", "no such book", {"shelf": "7"}, violations)

    async with library(tokens, get_book) as (client, *_):
        with pytest.raises(DomainError) as failed:
            await client.GetBook(GetBookRequest(book_id="b1"))

    error = failed.value
    assert (error.kind, error.reason, error.message) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", "no such book")
    assert (dict(error.metadata), error.violations[0].field) == ({"shelf": "7"}, "book_id")


async def test_of_a_fault_of_ours_the_caller_hears_no_more_than_that(tokens: Tokens) -> None:
    async def get_book(request: Any, context: Any) -> Any:
        raise KeyError("secret")

    async with library(tokens, get_book) as (client, *_):
        with pytest.raises(DomainError) as failed:
            await client.GetBook(GetBookRequest(book_id="b1"))

    assert (failed.value.kind, failed.value.message) == (ErrorKind.INTERNAL, "internal error")


async def test_a_deadline_ends_the_work(tokens: Tokens) -> None:
    ended = asyncio.Event()

    async def get_book(request: Any, context: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with library(tokens, get_book) as (client, *_), asyncio.timeout(10):
        with pytest.raises(DomainError) as failed:
            await client.GetBook(GetBookRequest(book_id="b1"), timeout=0.05)
        await ended.wait()

    assert failed.value.kind is ErrorKind.DEADLINE_EXCEEDED


async def test_a_service_that_stops_ends_what_it_has_begun_in_its_time_of_grace(tokens: Tokens) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def get_book(request: Any, context: Any) -> Any:
        begun.set()
        await go_on.wait()
        return GetBookResponse(book={"id": "b1"})

    async with library(tokens, get_book, grace_seconds=5) as (client, stop, _), asyncio.timeout(10):
        call = asyncio.ensure_future(client.GetBook(GetBookRequest(book_id="b1")))
        await begun.wait()
        stop.set()
        await asyncio.sleep(0.05)
        with pytest.raises(DomainError) as refused:
            await client.GetBook(GetBookRequest(book_id="b2"))
        go_on.set()
        response = await call

    assert response.book.id == "b1"
    assert refused.value.kind is ErrorKind.UNAVAILABLE


async def test_its_time_of_grace_is_one_for_calls_from_near_and_far(tokens: Tokens) -> None:
    begun = asyncio.Semaphore(0)

    async def get_book(request: Any, context: Any) -> Any:
        begun.release()
        await asyncio.Event().wait()

    async with library(tokens, get_book, grace_seconds=60) as (client, stop, far), asyncio.timeout(10):
        held = asyncio.ensure_future(far.GetBook(GetBookRequest(book_id="b1"), timeout=60))
        await begun.acquire()
        stop.set()
        await asyncio.sleep(0.05)
        # The server still waits for the other one.
        with pytest.raises(DomainError) as refused:
            await client.GetBook(GetBookRequest(book_id="b2"), timeout=5)
        held.cancel()

    assert refused.value.kind is ErrorKind.UNAVAILABLE


async def test_what_takes_longer_than_that_has_failed_and_its_caller_is_not_cancelled(tokens: Tokens) -> None:
    begun = asyncio.Event()

    async def get_book(request: Any, context: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    async with library(tokens, get_book, grace_seconds=0.05) as (client, stop, _), asyncio.timeout(10):
        call = asyncio.ensure_future(client.GetBook(GetBookRequest(book_id="b1")))
        await begun.wait()
        stop.set()
        with pytest.raises(DomainError) as failed:
            await call

    assert failed.value.kind is ErrorKind.UNAVAILABLE


async def test_an_address_is_local_as_long_as_it_is_expected() -> None:
    with local.expected(["127.0.0.1:1"]):
        assert local.is_local("127.0.0.1:1")
        assert not local.is_local("127.0.0.1:2")
        assert not local.is_local("127.0.0.1:1,127.0.0.1:2")
    assert not local.is_local("127.0.0.1:1")
