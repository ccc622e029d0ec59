"""The directory: who is there and how they are, and the documents; open to anybody."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest

from csms.directory.v1 import directory_service_pb2 as directory_pb
from csms.directory.v1 import directory_service_pb2_grpc as directory_grpc
from csms.health.v1 import health_service_pb2 as health_pb
from csms.health.v1 import health_service_pb2_grpc as health_grpc
from services.kernel.clock import SystemClock
from services.kernel.errors import unavailable
from services.kernel.pagination import page_request
from services.messaging.outbox import OutboxRelay
from services.monitoring.application.alerts import Alerts
from services.monitoring.application.directory import Directory, TaskWatch
from services.monitoring.clients import GrpcPlatform, close_all
from services.monitoring.domain.alert import AlertFilter
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from services.process.heartbeats import Heartbeat
from services.rpc.channels import channel
from services.rpc.health import Health
from services.rpc.service_identity import ServiceIdentity
from tests.contract.services.monitoring.conftest import NOWHERE
from tests.fixtures.services import RunningService, ServiceRunner


async def directory(service: RunningService) -> directory_grpc.DirectoryServiceStub:
    return directory_grpc.DirectoryServiceStub(await service.anonymous_channel())


async def silent_server() -> asyncio.Server:
    """Accepts connections and never says a word."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    return await asyncio.start_server(say_nothing, "127.0.0.1", 0)


async def test_every_service_is_listed_by_its_public_port(run_service: ServiceRunner) -> None:
    stations = await run_service("station", transaction_service_url=NOWHERE)
    async with await silent_server() as silent:
        silent_address = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        monitoring = await run_service(
            "monitoring",
            station_service_url=stations.address,
            driver_service_url=silent_address,
            billing_service_url=NOWHERE,
            transaction_service_url=NOWHERE,
            edge_service_url=NOWHERE,
            monitoring_service_url=stations.address,
            billing_port=3333,
        )
        stub = await directory(monitoring)
        began = asyncio.get_running_loop().time()
        response = await stub.ListServices(directory_pb.ListServicesRequest())
        assert asyncio.get_running_loop().time() - began < 3
    listed = [(each.name, each.public_port, each.status) for each in response.services]
    assert listed == [
        ("station", 3001, "SERVING"),
        ("driver", 3002, "UNREACHABLE"),
        ("monitoring", 3004, "SERVING"),
        ("billing", 3333, "UNREACHABLE"),
        ("edge", 4000, "UNREACHABLE"),
        ("transaction", 4001, "UNREACHABLE"),
    ]
    station, driver, *_ = response.services
    assert (station.address, station.message) == (stations.address, "Station service is healthy")
    assert station.version
    assert (driver.message, driver.version) == ("does not answer", "")


async def test_background_tasks_of_all_replicas_are_listed_and_become_alerts(
    run_service: ServiceRunner,
) -> None:
    good, bad = Heartbeat("matching"), Heartbeat("matching")
    async with serving("transaction", good) as first, serving("transaction", bad) as second:
        monitoring = await run_service(
            "monitoring",
            transaction_service_url=f"{first},{second}",
            station_service_url=NOWHERE,
            driver_service_url=NOWHERE,
            billing_service_url=NOWHERE,
            monitoring_service_url=NOWHERE,
            edge_service_url=NOWHERE,
        )
        stub, clock = await directory(monitoring), SystemClock()
        units_of_work = SqlUnitsOfWork(monitoring.database, OutboxRelay(monitoring.database, monitoring.bus), clock)
        places = monitoring.settings.places()  # type: ignore[attr-defined]
        identity = ServiceIdentity("monitoring", monitoring.settings)
        channels = {one.name: {each: channel(each, one.name, identity) for each in one.replicas} for one in places}
        watch = TaskWatch(Directory(places, GrpcPlatform(channels)), units_of_work, clock)

        async def reported() -> list[tuple[str, str, int, str, str]]:
            response = await stub.ListServices(directory_pb.ListServicesRequest())
            names = health_pb.BackgroundTask.State
            return [
                (each.name, names.Name(each.state), each.failures, each.error, each.replica)
                for service in response.services
                for each in service.tasks
            ]

        async def alerts() -> list[tuple[str, str]]:
            page = await Alerts(units_of_work, clock).page(AlertFilter(kind="background_task"), page_request(50, ""))
            return [(alert.subject, alert.severity) for alert in page.items]

        await watch.look()
        assert await reported() == [("matching", "WORKING", 0, "", first), ("matching", "WORKING", 0, "", second)]
        assert await alerts() == []
        for _ in range(3):
            bad.failed(unavailable("the database does not answer"))
        for _ in range(2):
            await watch.look()
        assert (await reported())[1] == ("matching", "FAILING", 3, "the database does not answer", second)
        assert await alerts() == [("transaction/matching", "CRITICAL")]
        bad.got_on()
        await watch.look()
        assert await alerts() == []
        for each in channels.values():
            await close_all(each.values())


@asynccontextmanager
async def serving(service: str, *heartbeats: Heartbeat) -> AsyncIterator[str]:
    """The health of a replica, with these background tasks; yields its address."""
    server, health = grpc.aio.server(), Health(service, heartbeats)
    health.register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await health.start([])
    await health.set_serving(True)
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def test_the_openapi_document_is_handed_out_as_it_is_now(run_service: ServiceRunner, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    stub = await directory(await run_service("monitoring", openapi_file=file))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.GetOpenApi(directory_pb.GetOpenApiRequest())
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    for version in ("1", "22"):
        file.write_text(json.dumps({"openapi": "3.1.0", "info": {"version": version}}))
        body = await stub.GetOpenApi(directory_pb.GetOpenApiRequest())
        assert body.content_type == "application/json"
        assert json.loads(body.data)["info"]["version"] == version


async def test_the_page_needs_nothing_from_elsewhere(service: RunningService) -> None:
    stub = await directory(service)
    body = await stub.GetDocsPage(directory_pb.GetDocsPageRequest())
    page = body.data.decode()
    assert body.content_type == "text/html; charset=utf-8"
    assert page.startswith("<!doctype html>")
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", page) == []
    assert re.findall(r"https?://|@import|url\(", page) == []
    assert set(re.findall(r"""fetch\((["'`][^"'`]+)""", page)) == {'"/openapi.json', '"/auth/token'}
    # What the document says is shown as text, whatever it says.
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)


async def test_health_is_answered_for_the_gateway_too(service: RunningService) -> None:
    stub = health_grpc.HealthServiceStub(await service.anonymous_channel())
    answer = await stub.Check(health_pb.CheckRequest())
    assert (answer.service, answer.status) == ("monitoring", "SERVING")
    assert answer.message == "Monitoring service is healthy"
