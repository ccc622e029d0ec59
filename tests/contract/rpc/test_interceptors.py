"""services.rpc.interceptors, on a real server with a real channel"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from services.kernel.errors import DomainError, ErrorKind, invalid, not_found
from services.process import metrics
from services.process.logging import current_context
from services.rpc.auth import current_caller
from services.rpc.http import created
from services.rpc.server import running_server
from services.rpc.status import from_rpc_error
from tests.fixtures.library import SERVICE, Client, handlers, message, method
from tests.fixtures.tokens import Tokens

GetBookRequest, GetBookResponse = message("GetBookRequest"), message("GetBookResponse")
ListBooksRequest, ListBooksResponse = message("ListBooksRequest"), message("ListBooksResponse")
CreateBookRequest = message("CreateBookRequest")
GreetRequest, GreetResponse = message("GreetRequest"), message("GreetResponse")
AppendPagesRequest, AppendPagesResponse = message("AppendPagesRequest"), message("AppendPagesResponse")

COMPLETE = {"title": "Ulysses", "binding": 1, "authors": [{"full_name": "James Joyce"}], "shelf_number": 1}
_Context = grpc.aio.ServicerContext[Any, Any]


class Library:
    """A servicer whose handlers do what a test tells them to."""

    def __init__(self) -> None:
        self.fails_with: BaseException | None = None
        self.asked: list[Any] = []
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def get_book(self, request: Any, context: _Context) -> Any:
        self.asked.append(request)
        if self.fails_with is not None:
            raise self.fails_with
        return GetBookResponse(book={"id": request.book_id, "driver_id": "d1"})

    async def list_books(self, request: Any, context: _Context) -> Any:
        return ListBooksResponse(books=[{"driver_id": request.filter.driver_id}])

    async def create_book(self, request: Any, context: _Context) -> Any:
        self.asked.append(request)
        await created(context, "/books/b1")
        return GetBookResponse(book=request.book)

    async def watch_books(self, request: Any, context: _Context) -> AsyncIterator[Any]:
        for number in ("b1", "b2"):
            yield GetBookResponse(book={"id": number})
        if self.fails_with is not None:
            raise self.fails_with

    async def greet(self, request: Any, context: _Context) -> Any:
        if request.name == "wait":
            self.waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        caller, known = current_caller(), current_context()
        return GreetResponse(text=json.dumps([caller.subject, caller.role, known["request_id"], known["rpc"]]))

    async def append_pages(self, request: Any, context: _Context) -> Any:
        return AppendPagesResponse()

    async def abort(self, request: Any, context: _Context) -> Any:
        await context.abort(grpc.StatusCode.DATA_LOSS, "by hand")

    def register(self, server: grpc.aio.Server) -> None:
        behaviors: dict[str, Callable[..., Any]] = {
            "GetBook": self.get_book,
            "ListBooks": self.list_books,
            "CreateBook": self.create_book,
            "ReplaceBook": self.abort,
            "WatchBooks": self.watch_books,
            "Greet": self.greet,
            "AppendPages": self.append_pages,
            "Forgotten": self.greet,
        }
        server.add_generic_rpc_handlers([handlers(behaviors)])


@pytest.fixture
def library() -> Library:
    """The servicer behind `client`."""
    return Library()


@pytest.fixture
async def channel(tokens: Tokens, library: Library) -> AsyncIterator[grpc.aio.Channel]:
    """Connected to a server that runs the whole stack."""
    async with running_server("library", tokens.settings(), register=library.register) as (port, _):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel


@pytest.fixture
async def client(channel: grpc.aio.Channel) -> Client:
    """A client without any manners of its own."""
    return Client(channel)


def _as(token: str, **more: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}"), *more.items()]


async def _failure(call: Awaitable[Any]) -> DomainError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return from_rpc_error(failed.value)


async def test_a_call_with_the_permission_reaches_its_handler(client: Client, tokens: Tokens) -> None:
    response = await client.GetBook(GetBookRequest(book_id="b1"), metadata=_as(tokens.user("viewer")))

    assert response.book.id == "b1"


@pytest.mark.parametrize("metadata", [[], [("authorization", "Basic YTpi")], [("authorization", "Bearer nonsense")]])
async def test_a_call_without_a_good_token_is_unauthenticated(
    client: Client, library: Library, metadata: list[tuple[str, str]]
) -> None:
    error = await _failure(client.GetBook(GetBookRequest(book_id="b1"), metadata=metadata))

    assert (error.kind, error.reason) == (ErrorKind.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert library.asked == []


async def test_a_call_without_the_permission_is_denied(client: Client, library: Library, tokens: Tokens) -> None:
    error = await _failure(client.CreateBook(CreateBookRequest(book=COMPLETE), metadata=_as(tokens.user("viewer"))))

    assert (error.kind, error.reason) == (ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert error.metadata == {"permission": "library.books.write"}
    assert library.asked == []


async def test_a_public_call_needs_no_token_and_minds_no_bad_one(client: Client) -> None:
    anonymous = await client.Greet(GreetRequest())
    expired = await client.Greet(GreetRequest(), metadata=_as("expired"))

    assert json.loads(anonymous.text)[:2] == json.loads(expired.text)[:2] == ["anonymous", "anonymous"]


async def test_an_rpc_without_an_access_rule_is_closed(client: Client, tokens: Tokens) -> None:
    error = await _failure(client.Forgotten(GreetRequest(), metadata=_as(tokens.user("admin"))))

    assert error.kind is ErrorKind.PERMISSION_DENIED


async def test_internal_calls_are_for_services_alone(client: Client, tokens: Tokens) -> None:
    error = await _failure(client.AppendPages(AppendPagesRequest(), metadata=_as(tokens.user("admin"))))
    assert error.kind is ErrorKind.PERMISSION_DENIED

    await client.AppendPages(AppendPagesRequest(), metadata=_as(tokens.identity("edge").token_for("library")))


@pytest.mark.field_case("E1")
async def test_a_service_makes_the_calls_that_name_it_and_no_other(client: Client, tokens: Tokens) -> None:
    edge, station = (_as(tokens.identity(name).token_for("library")) for name in ("edge", "station"))

    await client.GetBook(GetBookRequest(book_id="b1"), metadata=edge)
    for refused in (
        client.GetBook(GetBookRequest(book_id="b1"), metadata=station),
        client.AppendPages(AppendPagesRequest(), metadata=station),
        client.ListBooks(ListBooksRequest(), metadata=edge),
        client.Forgotten(GreetRequest(), metadata=edge),
    ):
        error = await _failure(refused)
        assert (error.kind, error.reason) == (ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED")
    elsewhere = _as(tokens.identity("edge").token_for("station"))
    error = await _failure(client.GetBook(GetBookRequest(book_id="b1"), metadata=elsewhere))
    assert error.kind is ErrorKind.UNAUTHENTICATED


async def test_a_driver_sees_what_is_his_and_nothing_else(client: Client, tokens: Tokens) -> None:
    own, other = _as(tokens.user("driver", driver_id="d1")), _as(tokens.user("driver", driver_id="d2"))

    assert (await client.ListBooks(ListBooksRequest(), metadata=own)).books[0].driver_id == "d1"
    assert (await client.GetBook(GetBookRequest(book_id="b1"), metadata=own)).book.id == "b1"
    hidden = await _failure(client.GetBook(GetBookRequest(book_id="b1"), metadata=other))
    assert (hidden.kind, hidden.reason) == (ErrorKind.NOT_FOUND, "BOOK_NOT_FOUND")
    named = await _failure(client.ListBooks(ListBooksRequest(filter={"driver_id": "d1"}), metadata=other))
    assert named.kind is ErrorKind.PERMISSION_DENIED


async def test_the_handler_gets_the_fields_the_contract_lets_through(
    client: Client, library: Library, tokens: Tokens
) -> None:
    request = CreateBookRequest(book={**COMPLETE, "id": "chosen by the caller"})

    await client.CreateBook(request, metadata=_as(tokens.user("operator")))

    assert library.asked == [CreateBookRequest(book=COMPLETE)]


async def test_missing_and_endless_fields_are_refused_by_name(client: Client, tokens: Tokens) -> None:
    metadata = _as(tokens.user("operator"))

    missing = await _failure(client.CreateBook(CreateBookRequest(book={"binding": 1}), metadata=metadata))
    endless = await _failure(
        client.CreateBook(CreateBookRequest(book={**COMPLETE, "note": "x" * 10_001}), metadata=metadata)
    )

    assert (missing.reason, [violation.field for violation in missing.violations]) == (
        "MISSING_FIELD",
        ["book.title", "book.authors", "book.shelfNumber"],
    )
    assert (endless.reason, [violation.field for violation in endless.violations]) == ("INVALID_FIELD", ["book.note"])


async def test_text_between_services_has_no_limit_of_its_own(client: Client, tokens: Tokens) -> None:
    request = AppendPagesRequest(pages=[{"text": "x" * 20_000}])

    await client.AppendPages(request, metadata=_as(tokens.identity("edge").token_for("library")))


async def test_a_request_beyond_eight_mebibytes_is_refused(client: Client, tokens: Tokens) -> None:
    request = AppendPagesRequest(pages=[{"text": "x" * (8 * 1024 * 1024)}])

    error = await _failure(client.AppendPages(request, metadata=_as(tokens.identity("edge").token_for("library"))))

    assert error.kind is ErrorKind.RESOURCE_EXHAUSTED


async def test_an_error_of_a_handler_arrives_with_its_reason_and_fields(
    client: Client, library: Library, tokens: Tokens
) -> None:
    library.fails_with = invalid("bookId", "is no number of a book")

    error = await _failure(client.GetBook(GetBookRequest(book_id="b1"), metadata=_as(tokens.user("viewer"))))

    assert (error.kind, error.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.field for violation in error.violations] == ["bookId"]


async def test_an_error_with_endless_particulars_still_arrives(
    client: Client, library: Library, tokens: Tokens
) -> None:
    metadata = _as(tokens.user("operator"))
    library.fails_with = not_found("book", "€" * 5_000)
    authors: list[dict[str, str]] = [{}] * 5_000

    lost = await _failure(client.GetBook(GetBookRequest(book_id="b1"), metadata=metadata))
    missing = await _failure(client.CreateBook(CreateBookRequest(book={"authors": authors}), metadata=metadata))

    assert (lost.kind, lost.reason) == (ErrorKind.NOT_FOUND, "BOOK_NOT_FOUND")
    assert missing.reason == "MISSING_FIELD"
    assert [violation.field for violation in missing.violations][:4] == [
        "book.title",
        "book.binding",
        "book.shelfNumber",
        "book.authors[0].fullName",
    ]


async def test_an_unforeseen_failure_is_internal_and_logged_once_with_its_request(
    client: Client, library: Library, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    library.fails_with = KeyError("a secret of ours")

    error = await _failure(client.GetBook(GetBookRequest(book_id="b1"), metadata=_as(tokens.user("viewer"))))

    assert (error.kind, error.message) == (ErrorKind.INTERNAL, "internal error")
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert logged[0].exc_info is not None
    assert isinstance(logged[0].exc_info[1], KeyError)


async def test_an_error_in_the_middle_of_a_stream_ends_it_with_its_status(
    client: Client, library: Library, tokens: Tokens
) -> None:
    library.fails_with = DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too slow")
    stream = client.WatchBooks(GetBookRequest(book_id="all"), metadata=_as(tokens.user("viewer")))
    received = []

    async def read() -> None:
        async for response in stream:
            received.append(response.book.id)

    error = await _failure(read())

    assert received == ["b1", "b2"]
    assert (error.kind, error.reason) == (ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL")


async def test_a_stream_is_refused_like_any_other_call(client: Client, tokens: Tokens) -> None:
    async def read(request: Any, metadata: list[tuple[str, str]]) -> None:
        async for _ in client.WatchBooks(request, metadata=metadata):
            pytest.fail("nothing may come")

    assert (await _failure(read(GetBookRequest(book_id="all"), []))).kind is ErrorKind.UNAUTHENTICATED
    missing = await _failure(read(GetBookRequest(), _as(tokens.user("viewer"))))
    assert [violation.field for violation in missing.violations] == ["bookId"]


async def test_a_whole_stream_arrives(client: Client, tokens: Tokens) -> None:
    stream = client.WatchBooks(GetBookRequest(book_id="all"), metadata=_as(tokens.user("viewer")))

    assert [response.book.id async for response in stream] == ["b1", "b2"]


async def test_a_call_has_the_request_id_it_came_with_or_a_new_one(client: Client) -> None:
    brought = json.loads((await client.Greet(GreetRequest(), metadata=[("x-request-id", "r1")])).text)
    first, second = [json.loads((await client.Greet(GreetRequest())).text) for _ in range(2)]

    assert brought[2:] == ["r1", method("Greet")]
    assert first[2] != second[2]


async def test_a_caller_who_hangs_up_ends_the_handler(
    client: Client, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    call = client.Greet(GreetRequest(name="wait"))
    async with asyncio.timeout(10):
        await library.waiting.wait()
        call.cancel()
        await library.cancelled.wait()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_a_handler_tells_rest_callers_is_in_the_initial_metadata(client: Client, tokens: Tokens) -> None:
    call = client.CreateBook(CreateBookRequest(book=COMPLETE), metadata=_as(tokens.user("operator")))
    await call

    initial = dict(await call.initial_metadata())
    assert (initial["x-http-code"], initial["location"]) == ("201", "/books/b1")


async def test_a_handler_that_aborts_by_itself_is_left_alone(
    client: Client, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    request = message("UpdateBookRequest")(book_id="b1", book={"note": "x"})

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.ReplaceBook(request, metadata=_as(tokens.user("operator")))

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.DATA_LOSS, "by hand")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_every_answer_is_counted_by_its_outcome(client: Client, tokens: Tokens) -> None:
    def count(code: str) -> float:
        return metrics.counter("rpc_handled_total", "", method=method("GetBook"), code=code).value

    before = count("OK"), count("UNAUTHENTICATED")
    await client.GetBook(GetBookRequest(book_id="b1"), metadata=_as(tokens.user("viewer")))
    await _failure(client.GetBook(GetBookRequest(book_id="b1")))

    assert (count("OK"), count("UNAUTHENTICATED")) == (before[0] + 1, before[1] + 1)


GARBAGE = [b"\xff", b"\x0a\x05x", b"\x0a\x02\xff\xfe", b"not a message", b"\x0b" * 200, b"\x0a\xff\xff\xff\xff\x0f"]


@pytest.mark.field_case("C4")
@pytest.mark.parametrize("data", GARBAGE)
async def test_bytes_that_are_no_message_are_refused_without_a_word_of_ours(
    channel: Any, library: Library, tokens: Tokens, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    metadata = _as(tokens.user("operator"))

    for call in (
        channel.unary_unary(method("GetBook"))(data, metadata=metadata),
        channel.unary_unary(method("Greet"))(data),
        _first(channel.unary_stream(method("WatchBooks"))(data, metadata=metadata)),
    ):
        error = await _failure(call)
        assert (error.kind, error.reason) == (ErrorKind.INVALID_ARGUMENT, "UNREADABLE_REQUEST")
    unknown = await _failure(channel.unary_unary(method("GetBook"))(data))

    assert unknown.kind is ErrorKind.UNAUTHENTICATED
    assert library.asked == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.field_case("C4")
@pytest.mark.parametrize("data", GARBAGE)
async def test_so_are_those_to_the_health_and_the_reflection_of_grpc_itself(
    channel: Any, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    for call in (
        channel.unary_unary("/grpc.health.v1.Health/Check")(data),
        _first(channel.unary_stream("/grpc.health.v1.Health/Watch")(data)),
        _first(channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")(iter([data]))),
    ):
        error = await _failure(call)
        assert (error.kind, error.reason) == (ErrorKind.INVALID_ARGUMENT, "UNREADABLE_REQUEST")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_health_and_reflection_answer(channel: Any) -> None:
    answer = await channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
    assert health_pb2.HealthCheckResponse.FromString(answer).status
    watched = await _first(channel.unary_stream("/grpc.health.v1.Health/Watch")(b""))
    assert health_pb2.HealthCheckResponse.FromString(watched).status
    question = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    reported = reflection_pb2.ServerReflectionResponse.FromString(await _first(reflect(iter([question]))))
    assert SERVICE in [service.name for service in reported.list_services_response.service]


@pytest.mark.field_case("C10")
async def test_what_callers_only_say_is_in_no_answer(client: Client, tokens: Tokens) -> None:
    request = CreateBookRequest(book={**COMPLETE, "shelf_key": "secret"})
    response = await client.CreateBook(request, metadata=_as(tokens.user("operator")))
    assert response.book.title == COMPLETE["title"]
    assert not response.book.HasField("shelf_key")


@pytest.mark.field_case("C6")
async def test_a_stream_of_which_only_the_head_is_wanted_is_admitted_and_ends(client: Client, tokens: Tokens) -> None:
    head = {"x-csms-head": "1"}
    stream = client.WatchBooks(GetBookRequest(book_id="all"), metadata=_as(tokens.user("viewer"), **head))
    assert [response async for response in stream] == []
    for request, metadata, kind in (
        (GetBookRequest(book_id="all"), list(head.items()), ErrorKind.UNAUTHENTICATED),
        (GetBookRequest(), _as(tokens.user("viewer"), **head), ErrorKind.INVALID_ARGUMENT),
    ):
        assert (await _failure(_first(client.WatchBooks(request, metadata=metadata)))).kind is kind


async def _first(stream: Any) -> Any:
    async for response in stream:
        return response
    pytest.fail("nothing has come")
