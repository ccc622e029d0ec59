"""Knocking at a real port: who gets 101, who gets what else."""

import asyncio
from typing import Any

import orjson
import pytest
from websockets.exceptions import InvalidStatus

from ocpp_edge.versions import Version
from tests.contract.ocpp_edge.edge import (
    BYTES_PASSWORD,
    PASSWORD,
    PROXY_SECRET,
    Edge,
    ask,
    basic,
    raw_exchange,
    running,
    until,
)


@pytest.mark.parametrize(
    ("path", "protocols", "headers", "identity", "echoed"),
    [
        ("/ocpp/CP1", ["ocpp1.6"], {}, "CP1", "ocpp1.6"),
        ("/ocpp/CP1/", ["ocpp1.6"], {}, "CP1", "ocpp1.6"),
        ("/prefix/ocpp/CP1", ["ocpp2.0.1"], {}, "CP1", "ocpp2.0.1"),
        ("/ocpp/CP1", ["ocpp1.6", "ocpp2.1"], {}, "CP1", "ocpp2.1"),
        ("/ocpp/CP1", ["ocpp0.1", "ocpp1.6"], {}, "CP1", "ocpp1.6"),
        ("/ocpp/RPC%2016%2F%C3%A9", ["ocpp1.6"], {}, "RPC 16/é", "ocpp1.6"),
        ("/ocpp?chargePointId=CP1&version=1.6", [], {}, "CP1", None),
        ("/ocppCP1?chargePointId=CP1&version=1.6/", [], {}, "CP1", None),
        ("/ocpp?chargePointId=CP1", ["ocpp2.0.1"], {}, "CP1", "ocpp2.0.1"),
        ("/ocpp/SECRET", ["ocpp1.6"], basic("SECRET", PASSWORD), "SECRET", "ocpp1.6"),
        ("/ocpp/a:b", ["ocpp1.6"], basic("a:b", PASSWORD), "a:b", "ocpp1.6"),
        ("/ocpp/BYTES", ["ocpp1.6"], basic("BYTES", BYTES_PASSWORD), "BYTES", "ocpp1.6"),
        ("/CP1", ["ocpp1.6"], {}, "CP1", "ocpp1.6"),
        ("/a:b", ["ocpp1.6"], basic("a:b", PASSWORD), "a:b", "ocpp1.6"),
        ("/RPC%2016%2F%C3%A9", ["ocpp2.0.1"], {}, "RPC 16/é", "ocpp2.0.1"),
    ],
)
@pytest.mark.field_case("B4", "B8")
async def test_a_proper_charge_point_is_let_in(
    edge: Edge, path: str, protocols: list[str], headers: dict[str, str], identity: str, echoed: str | None
) -> None:
    async with edge.connect(path, *protocols, headers=headers) as socket:
        assert socket.subprotocol == echoed
        assert edge.registry.find(identity) is not None
        assert (await ask(socket, 2, "1", "Heartbeat", {}))[:2] == [3, "1"]


@pytest.mark.parametrize(
    ("path", "protocols", "headers", "status"),
    [
        ("/", ["ocpp1.6"], {}, 404),
        ("/ocpp", ["ocpp1.6"], {}, 404),
        ("/ocpp/UNKNOWN", ["ocpp1.6"], {}, 404),
        ("/ocpp/%2e%2e", ["ocpp1.6"], {}, 404),
        ("/ocpp/..%2F..%2Fetc%2Fpasswd", ["ocpp1.6"], {}, 404),
        ("/health", ["ocpp1.6"], {}, 404),
        ("/metrics", ["ocpp1.6"], {}, 404),
        ("/connections/CP1", ["ocpp1.6"], {}, 404),
        ("/ocpp/" + "x" * 49, ["ocpp1.6"], {}, 404),
        ("/ocpp/CP1", [], {}, 400),
        ("/ocpp/CP1", ["ocpp0.1"], {}, 400),
        ("/ocpp/SECRET", ["ocpp1.6"], {}, 401),
        ("/ocpp/SECRET", ["ocpp1.6"], basic("SECRET", b"wrong"), 401),
        ("/ocpp/SECRET", ["ocpp1.6"], basic("CP1", PASSWORD), 401),
        ("/ocpp/SECRET", ["ocpp1.6"], {"Authorization": "Basic ???"}, 401),
        ("/ocpp/SECRET", ["ocpp1.6"], {"Authorization": "Bearer token"}, 401),
        ("/ocpp/BROKEN", ["ocpp1.6"], {}, 503),
    ],
)
async def test_anyone_else_is_refused_before_the_upgrade(
    edge: Edge, path: str, protocols: list[str], headers: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await edge.connect(path, *protocols, headers=headers)
    response = refused.value.response
    assert response.status_code == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert len(edge.registry) == 0


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /ocpp/CP1 HTTP/1.1", b"426"),
        (b"POST /ocpp/CP1 HTTP/1.1", b"405"),
        (
            b"GET /ocpp/CP1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: short",
            b"400",
        ),
        (
            b"GET /ocpp/CP1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            b"400",
        ),
    ],
)
async def test_what_is_no_proper_upgrade_costs_no_admission(edge: Edge, request_head: bytes, status: bytes) -> None:
    request = request_head + b"\r\nHost: x\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    assert (await raw_exchange(edge.gateway.port, request)).startswith(b"HTTP/1.1 " + status)
    assert edge.door.admissions == []


@pytest.mark.parametrize("request_bytes", [b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET /\xff HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_at_all_only_loses_its_socket(edge: Edge, request_bytes: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.gateway.port)
    writer.write(request_bytes)
    writer.write_eof()
    await reader.read()
    writer.close()
    async with edge.connect("/ocpp/CP1", "ocpp1.6"):
        assert len(edge.registry) == 1


async def test_the_port_answers_health(edge: Edge) -> None:
    head, _, body = (await raw_exchange(edge.gateway.port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")).partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 200")
    assert orjson.loads(body).keys() == {"service", "message"}


async def test_too_many_handshakes_at_a_time_are_told_to_come_back() -> None:
    async with running(max_pending=1) as edge:
        edge.door.hold.clear()
        first = asyncio.ensure_future(edge.connect("/ocpp/CP1", "ocpp1.6").__aenter__())
        await until(lambda: edge.door.admissions)
        with pytest.raises(InvalidStatus) as refused:
            await edge.connect("/ocpp/CP2", "ocpp1.6")
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["Retry-After"]) >= 1
        edge.door.hold.set()
        await (await first).close()


async def test_a_full_house_tells_the_next_one_to_come_back() -> None:
    async with running(max_connections=1) as edge, edge.connect("/ocpp/CP1", "ocpp1.6"):
        with pytest.raises(InvalidStatus) as refused:
            await edge.connect("/ocpp/CP2", "ocpp1.6")
        assert refused.value.response.status_code == 503


async def test_a_client_that_leaves_during_admission_leaves_no_epoch_behind(edge: Edge) -> None:
    edge.door.hold.clear()
    knocking = asyncio.ensure_future(edge.connect("/ocpp/CP1", "ocpp1.6").__aenter__())
    await until(lambda: edge.door.admissions)
    knocking.cancel()
    await asyncio.gather(knocking, return_exceptions=True)
    edge.door.hold.set()
    await until(lambda: edge.door.departures)
    assert [departure.epoch for departure in edge.door.departures] == [1]
    assert len(edge.registry) == 0


async def test_a_client_that_talks_before_the_upgrade_is_answered_is_cut_off(edge: Edge) -> None:
    edge.door.hold.clear()
    request = (
        b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.gateway.port)
    writer.write(request + b"\x81\x80\x00\x00\x00\x00")
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        assert len(edge.registry) == 0
    writer.close()


async def test_the_proxy_tells_where_the_charge_point_is(edge: Edge) -> None:
    headers = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-CSMS-Proxy-Secret": PROXY_SECRET,
    }
    async with edge.connect("/ocpp/CP1", "ocpp1.6", headers=headers):
        connection = edge.registry.find("CP1")
        assert connection is not None
        assert connection.context.remote_address == "203.0.113.7"
        assert edge.door.admissions[0].peer.tls


@pytest.mark.parametrize(("protocol", "compressed"), [("ocpp1.6", False), ("ocpp2.0.1", True), ("ocpp2.1", True)])
async def test_only_2x_is_compressed(edge: Edge, protocol: str, compressed: bool) -> None:
    async with edge.connect("/ocpp/CP1", protocol) as socket:
        assert socket.response is not None
        assert ("Sec-WebSocket-Extensions" in socket.response.headers) == compressed
        assert (await ask(socket, 2, "1", "Heartbeat", {}))[:2] == [3, "1"]


@pytest.mark.parametrize("version", list(Version))
async def test_each_version_is_spoken_in_its_own_words(edge: Edge, version: Version) -> None:
    async with edge.connect("/ocpp/CP1", version.subprotocol) as socket:
        answer: Any = await ask(socket, 2, "1", "Heartbeat", {"x": 1})
        assert answer[2] == ("FormationViolation" if version is Version.V16 else "FormatViolation")
