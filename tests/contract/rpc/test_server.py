"""services.rpc.server and health: the life of a process, from outside"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from csms.health.v1 import health_service_pb2, health_service_pb2_grpc
from services.rpc.server import running_server
from tests.fixtures.library import SERVICE, Client, handlers, message
from tests.fixtures.sample.running import Start, start
from tests.fixtures.tokens import Tokens

__all__ = ["start"]
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_process_tells_its_metrics_where_it_is_told_to(start: Start) -> None:
    process = await start("serve", METRICS_PORT="0")

    port = int((await process.said(r"metrics on 127\.0\.0\.1:(\d+)")).group(1))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b"process_cpu_seconds_total" in await reader.read()
    writer.close()
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


async def test_a_process_has_no_metrics_port_unless_told_to(start: Start) -> None:
    process = await start("serve")
    await process.said("listening on")

    assert not any("metrics on" in message for message in process.messages)


async def test_a_process_told_to_stop_finishes_its_calls_and_closes_in_order(start: Start, tmp_path: Path) -> None:
    (tmp_path / "ready").touch()
    process = await start("serve")

    async with process.channel() as channel:
        call = asyncio.ensure_future(Client(channel).Greet(message("GreetRequest")(name="slowly")))
        await process.said("called")
        process.signal(signal.SIGTERM)
        answer = await call

    assert answer.text == "hello slowly"
    assert await process.ended() == 0
    assert process.messages[-6:] == [
        "stopping",
        "drained",
        "work ended",
        "not closed in order: ConnectionError: gone already",
        "closed",
        "stopped",
    ]
    assert "nothing left to do" in process.messages


async def test_health_follows_what_the_service_says_of_itself(start: Start, tmp_path: Path) -> None:
    process = await start("serve", DRAIN_SECONDS="30")

    async with process.channel() as channel, asyncio.timeout(30):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == NOT_SERVING
        (tmp_path / "ready").touch()
        assert (await watch.read()).status == SERVING
        (tmp_path / "ready").unlink()
        assert (await watch.read()).status == NOT_SERVING
        (tmp_path / "ready").touch()
        assert (await watch.read()).status == SERVING
        process.signal(signal.SIGTERM)
        assert (await watch.read()).status == NOT_SERVING
        assert (await Client(channel).Greet(message("GreetRequest")(name="you"))).text == "hello you"
        process.signal(signal.SIGINT)

    assert await process.ended() == 0
    assert [line for line in process.messages if "serving" in line] == ["serving", "not serving", "serving"]


async def test_a_background_task_that_fails_ends_the_process_with_its_reason(start: Start) -> None:
    process = await start("fail", DRAIN_SECONDS="30")

    assert await process.ended() == 1
    fatal = [entry for entry in process.log if entry["level"] == "CRITICAL"]
    assert [entry["message"] for entry in fatal] == ["the background task _fail failed"]
    assert "KeyError: 'what the work missed'" in fatal[0]["error"]
    assert "closed" in process.messages


async def test_a_port_that_is_taken_is_one_clear_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start("serve", LISTEN_PORT=str(port))

        assert await process.ended() == 1

    fatal = [entry for entry in process.log if entry["level"] == "CRITICAL"]
    assert [entry["message"] for entry in fatal] == [f"cannot listen on 127.0.0.1:{port}"]
    assert "error" not in fatal[0]


@pytest.mark.parametrize("variable", ["JWT_JWKS_FILE", "SERVICE_JWKS_FILE"])
async def test_a_key_file_that_is_none_is_one_clear_line(start: Start, tmp_path: Path, variable: str) -> None:
    (tmp_path / "bad.json").write_text("{}")
    process = await start("serve", **{variable: str(tmp_path / "bad.json")})

    assert await process.ended() == 1

    said = process.log[-1]["message"]
    assert said.startswith("JWT_JWKS_FILE, SERVICE_JWKS_FILE: bad.json is not a JSON Web Key Set")


async def test_anybody_may_ask_for_health_and_sees_service_and_version(tokens: Tokens) -> None:
    async with running_server("station", tokens.settings(), register=lambda server: None) as (port, health):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = health_service_pb2_grpc.HealthServiceStub(channel)
            call = stub.Check(health_service_pb2.CheckRequest())
            before, metadata = await call, dict(await call.initial_metadata())
            await health.set_serving(True)
            after = await stub.Check(health_service_pb2.CheckRequest())
            whole = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    assert (before.service, before.status, metadata["x-http-code"]) == ("station", "NOT_SERVING", "503")
    assert before.message == "Station service is not ready"
    assert (after.message, after.status) == ("Station service is healthy", "SERVING")
    assert after.version
    assert whole.status == SERVING


async def test_a_readiness_check_that_hangs_or_raises_says_no(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.rpc.health._ANSWER_SECONDS", 0.01)
    monkeypatch.setattr("services.rpc.health._POLL_SECONDS", 0)
    monkeypatch.setattr("services.rpc.health._REST_SECONDS", 0)
    answers: list[Callable[[], Awaitable[object]]] = []
    asked = asyncio.Event()

    async def yes() -> None:
        return None

    async def hang() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise ConnectionError

    async def ready() -> object:
        if not answers:
            asked.set()
            return await asyncio.Event().wait()
        return await answers.pop(0)()

    async with running_server("station", tokens.settings(), register=lambda server: None) as (_, health):
        seen = []
        for answer in (yes, hang, yes, fail, yes):
            answers[:] = [answer]
            asked.clear()
            watching = asyncio.create_task(health.watch(ready))
            await asyncio.wait_for(asked.wait(), 10)
            seen.append(health.serving)
            watching.cancel()

    assert seen == [True, False, True, False, True]


async def test_reflection_shows_the_services_of_this_server_alone(tokens: Tokens) -> None:
    def register(server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers([handlers({})])

    async with running_server("station", tokens.settings(), register=register) as (port, _):

        def ask() -> tuple[set[str], str]:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                database = ProtoReflectionDescriptorDatabase(channel)
                service = descriptor_pool.DescriptorPool(database).FindServiceByName(SERVICE)
                return set(database.get_services()), service.methods_by_name["GetBook"].input_type.full_name

        services, request_type = await asyncio.to_thread(ask)

    assert services == {
        SERVICE,
        "csms.health.v1.HealthService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert request_type == "library.v1.GetBookRequest"
