"""Traces as a receiver gets them: what belongs together, across processes, and that none ever holds anything up."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from csms.health.v1 import health_service_pb2 as health_pb
from csms.health.v1 import health_service_pb2_grpc as health_grpc
from services.kernel.errors import DomainError, not_found
from services.process import metrics, otlp, tracing
from services.rpc.channels import channel
from services.rpc.server import running_server
from stack.config import PROJECT
from stack.inherited import python_path
from stack.ports import free_port
from tests.fixtures.background import eventually
from tests.fixtures.library import SERVICE, Client, handlers, message
from tests.fixtures.otlp import Receiver, receiving
from tests.fixtures.sample.running import Start, start
from tests.fixtures.tokens import Tokens

__all__ = ["start"]

GREET, GET, WATCH = f"{SERVICE}/Greet", f"{SERVICE}/GetBook", f"{SERVICE}/WatchBooks"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_STATUS = "rpc.response.status_code"
Context = grpc.aio.ServicerContext[Any, Any]


async def _book(request: Any, context: Context) -> Any:
    if request.book_id == "none":
        raise not_found("book", "none")
    if request.book_id == "broken":
        raise KeyError("a secret of ours")
    return message("GetBookResponse")(book={"id": request.book_id})


async def _books(request: Any, context: Context) -> AsyncIterator[Any]:
    yield await _book(request, context)
    await asyncio.Event().wait()


class Pair:
    """A service that anybody may greet, and behind it one that has books."""

    def __init__(self, front: grpc.aio.Channel, books: Client) -> None:
        self.channel = front
        self.front = Client(front)
        self.books = books


@pytest.fixture
async def pair(tokens: Tokens) -> AsyncIterator[Pair]:
    """They are served by this process; traces have to be on before the first call."""
    behind = {"GetBook": _book, "WatchBooks": _books}
    async with running_server(
        "library", tokens.settings(), register=lambda server: server.add_generic_rpc_handlers([handlers(behind)])
    ) as (port, _):
        async with channel(f"127.0.0.1:{port}", "library", tokens.identity("edge")) as inner:
            books = Client(inner)

            async def greet(request: Any, context: Context) -> Any:
                found = await books.GetBook(message("GetBookRequest")(book_id=request.name))
                return message("GreetResponse")(text=found.book.id)

            async with running_server(
                "front",
                tokens.settings(),
                register=lambda server: server.add_generic_rpc_handlers([handlers({"Greet": greet})]),
            ) as (front, _):
                async with grpc.aio.insecure_channel(f"127.0.0.1:{front}") as outer:
                    yield Pair(outer, books)


async def test_a_call_and_what_it_calls_are_one_trace(pair: Pair, receiver: Receiver) -> None:
    brought = (("traceparent", f"00-{TRACE}-{CALLER}-01"), ("tracestate", "theirs=1"), ("x-request-id", "r1"))
    async with tracing.traced("front", receiver.endpoint):
        await pair.front.Greet(message("GreetRequest")(name="b1"), metadata=brought)
    [served] = receiver.spans(GREET, trace_id=TRACE)
    [called] = receiver.spans(GET, trace_id=TRACE, kind="CLIENT")
    [inner] = receiver.spans(GET, trace_id=TRACE, kind="SERVER")
    assert (served.parent_id, called.parent_id, inner.parent_id) == (CALLER, served.span_id, called.span_id)
    assert [span.attributes[_STATUS] for span in (served, called, inner)] == ["OK"] * 3
    assert [span.attributes["csms.request_id"] for span in (served, inner)] == ["r1", "r1"]
    assert served.attributes["rpc.method"] == GREET
    assert (served.service, served.kind, served.status) == ("front", "SERVER", "")


async def test_health_checks_are_no_spans(pair: Pair, receiver: Receiver) -> None:
    before = len(receiver.spans())
    async with tracing.traced("front", receiver.endpoint):
        await health_grpc.HealthServiceStub(pair.channel).Check(health_pb.CheckRequest())
    assert len(receiver.spans()) == before


async def test_a_share_of_traces_is_of_those_that_no_caller_has_decided_about(pair: Pair, receiver: Receiver) -> None:
    before = len(receiver.spans())
    async with tracing.traced("front", receiver.endpoint, share=0.0):
        for flags in ("00", "01", "01"):
            brought = (("traceparent", f"00-{TRACE[::-1]}-{CALLER}-{flags}"),)
            await pair.front.Greet(message("GreetRequest")(name="b1"), metadata=brought)
        await pair.front.Greet(message("GreetRequest")(name="b1"))
    assert len(receiver.spans()) - before == len(receiver.spans(trace_id=TRACE[::-1])) == 2 * 3


@pytest.mark.parametrize(
    "brought", ["", "01", f"00-{TRACE}-{CALLER}", f"00-{'0' * 32}-{CALLER}-01", f"00-{TRACE}-{CALLER}-01,x", "é" * 600]
)
async def test_a_caller_whose_trace_cannot_be_read_begins_a_new_one(
    pair: Pair, receiver: Receiver, brought: str
) -> None:
    before = len(receiver.spans(GREET, parent_id=""))
    metadata = (("traceparent", brought.encode("ascii", "replace").decode()),)
    async with tracing.traced("front", receiver.endpoint):
        await pair.front.Greet(message("GreetRequest")(name="b1"), metadata=metadata)
    assert len(receiver.spans(GREET, parent_id="")) == before + 1


async def test_a_call_that_fails_says_how_and_tells_no_secret(pair: Pair) -> None:
    with receiving() as receiver:
        async with tracing.traced("front", receiver.endpoint):
            for name in ("none", "broken"):
                with pytest.raises(DomainError):
                    await pair.books.GetBook(message("GetBookRequest")(book_id=name))
            watched = pair.books.WatchBooks(message("GetBookRequest")(book_id="b1"))
            await watched.read()
            watched.cancel()
            with pytest.raises(grpc.aio.AioRpcError):
                await pair.books.WatchBooks(message("GetBookRequest")(book_id="none")).read()
            await asyncio.to_thread(receiver.until, lambda: len(receiver.spans(WATCH)) == 2)
    served = [(span.attributes[_STATUS], span.status) for span in receiver.spans(GET, kind="SERVER")]
    # That there is no such thing is the caller's matter.
    assert served == [("NOT_FOUND", ""), ("INTERNAL", "INTERNAL")]
    called = [(span.attributes[_STATUS], span.status) for span in receiver.spans(GET, kind="CLIENT")]
    assert called == [("NOT_FOUND", "BOOK_NOT_FOUND"), ("INTERNAL", "INTERNAL")]
    assert {span.attributes[_STATUS] for span in receiver.spans(WATCH)} == {"CANCELLED", "NOT_FOUND"}
    assert "secret" not in str(receiver.spans())


async def test_a_process_sends_its_last_spans_before_it_ends(start: Start, receiver: Receiver) -> None:
    process = await start("serve", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    async with process.channel() as made:
        await Client(made).Greet(message("GreetRequest")(name="you"))
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert [span.service for span in receiver.spans(GREET, service="sample")] == ["sample"]
    assert f"traces go to {receiver.endpoint}" in process.messages


async def test_a_receiver_that_is_away_holds_up_nothing_and_is_complained_of_once(start: Start) -> None:
    port = free_port()
    process = await start(
        "serve", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="0.2"
    )
    async with process.channel() as made:
        client = Client(made)
        began = time.monotonic()
        for _ in range(3):
            assert (await client.Greet(message("GreetRequest")(name="you"))).text == "hello you"
        assert time.monotonic() - began < 5
        await process.said("traces are dropped")
        await client.Greet(message("GreetRequest")(name="you"))
        with receiving(port) as receiver:

            async def is_reported() -> bool:
                """What comes after its return; gRPC tries to connect now and then."""
                await client.Greet(message("GreetRequest")(name="you"))
                return bool(receiver.spans(GREET))

            await eventually(is_reported)
            process.signal(signal.SIGTERM)
            assert await process.ended() == 0
    [complaint] = [line for line in process.messages if "dropped" in line]
    assert complaint.startswith("traces are dropped, 3 spans so far: Failed to export traces to 127.0.0.1:")
    assert [entry for entry in process.log if entry["level"] in ("ERROR", "CRITICAL")] == []


async def test_what_a_hanging_receiver_cannot_take_is_dropped_counted_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp, "_FLUSH_SECONDS", 0.5)
    dropped = metrics.counter("csms_trace_spans_dropped_total", "Spans of traces lost: receiver away or too slow.")
    with receiving() as receiver:
        receiver.holds = True
        async with tracing.traced("front", receiver.endpoint):
            began = time.monotonic()
            for _ in range(5000):
                with tracing.span("work"):
                    pass
            # The first batch may be on its way by then, and none behind it.
            refused = int(dropped.now())
            assert 5000 - 2048 - 128 <= refused <= 5000 - 2048
            took, began = time.monotonic() - began, time.monotonic()
        assert took < 5
        assert 0.5 <= time.monotonic() - began < 5
    assert f"{5000 - refused} spans of traces were not sent before the end" in caplog.messages


async def test_a_process_with_a_setting_of_the_exporter_that_cannot_be_used_says_so(start: Start) -> None:
    process = await start(
        "serve", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317", OTEL_EXPORTER_OTLP_TIMEOUT="soon"
    )
    assert await process.ended() == 1
    [fatal] = [entry for entry in process.log if entry["level"] == "CRITICAL"]
    assert fatal["message"].startswith("a variable OTEL_* has a value that cannot be used: ValueError")
    assert "soon" in fatal["message"]


def test_while_traces_are_off_nothing_of_opentelemetry_is_imported() -> None:
    code = """
import asyncio, sys
import ocpp_edge.wiring, services.transaction.__main__
from services.process import tracing
async def main():
    async with tracing.traced("transaction", None):
        with tracing.span("work", attributes={"a": 1}) as span:
            span.note({"b": 2})
            assert span is tracing.NOT_TRACED and not tracing.headers() and tracing.here() is None
asyncio.run(main())
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": python_path()},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
