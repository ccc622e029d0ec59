"""Knocking at a real port: who gets 101, who gets what else."""

import asyncio
from contextlib import suppress
from typing import Any

import orjson
import pytest
from websockets.exceptions import InvalidStatus

from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.versions import Version
from services.kernel.refusal import Rule
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
    assert [disconnect.epoch for disconnect in edge.door.departures] == [1]
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


@pytest.mark.field_case("B8", "B9")
@pytest.mark.parametrize(
    ("path", "protocols", "headers", "identity", "rule"),
    [
        ("/", ["ocpp1.6"], {}, "", Rule.IDENTITY_MISSING),
        ("/health", ["ocpp1.6"], {}, "", Rule.IDENTITY_MISSING),
        ("/ocpp/%20CP1", ["ocpp1.6"], {}, "%20CP1", Rule.IDENTITY_INVALID),
        ("/UNKNOWN", ["ocpp1.6", "ocpp2.0.1"], {}, "UNKNOWN", Rule.UNKNOWN_IDENTITY),
        ("/ocpp/CP1", ["soap"], {}, "CP1", Rule.NO_COMMON_SUBPROTOCOL),
        ("/ocpp/CP1", [], {}, "CP1", Rule.NO_COMMON_SUBPROTOCOL),
        ("/ocpp/SECRET", ["ocpp1.6"], basic("CP1", PASSWORD), "SECRET", Rule.WRONG_USER),
        ("/ocpp/SECRET", ["ocpp1.6"], {"Authorization": "Bearer x"}, "SECRET", Rule.CREDENTIALS_MALFORMED),
        ("/ocpp/SECRET", ["ocpp1.6"], basic("SECRET", b"wrong"), "SECRET", Rule.WRONG_PASSWORD),
        ("/ocpp/BROKEN", ["ocpp1.6"], {}, "BROKEN", Rule.PLATFORM_UNAVAILABLE),
    ],
)
async def test_every_refusal_is_noted_under_its_rule_with_who_it_was_and_what_was_offered(
    edge: Edge,
    caplog: pytest.LogCaptureFixture,
    path: str,
    protocols: list[str],
    headers: dict[str, str],
    identity: str,
    rule: Rule,
) -> None:
    caplog.set_level("INFO", "ocpp_edge.gateway.server")
    with pytest.raises(InvalidStatus) as refused:
        await edge.connect(path, *protocols, headers=headers)

    [note] = edge.refusals
    assert (note.identity, note.rule, note.address) == (identity, rule, "127.0.0.1")
    assert (note.offers, note.path) == (tuple(protocols), path)
    response = refused.value.response
    assert response.headers["X-Refusal-Rule"] == rule
    assert (response.body or b"").decode() == f"{note.reason}\n"
    [line] = [record for record in caplog.records if "handshake refused" in record.message]
    assert vars(line)["charge_point_id"] == identity
    assert vars(line)["offers"] == ", ".join(protocols)
    assert vars(line)["rule"] == rule


@pytest.mark.field_case("B8")
async def test_who_asks_for_what_is_none_of_his_is_told_where_to_connect(edge: Edge) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await edge.connect("/console", "ocpp1.6")
    place = f"ws://127.0.0.1:{edge.gateway.port}/ocpp/<identity>"
    assert (refused.value.response.body or b"").decode().endswith(f"connect to {place}\n")


@pytest.mark.field_case("B8")
@pytest.mark.parametrize(
    ("path", "is_reported"), [("/steve", True), ("/steve?version=1.6", True), ("/ocpp/steve", False)]
)
async def test_what_may_be_no_identity_at_all_is_told_where_to_connect(
    edge: Edge, path: str, is_reported: bool
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await edge.connect(path, "ocpp1.6")
    assert (b"/ocpp/<identity>" in (refused.value.response.body or b"")) == is_reported


async def test_what_is_kept_of_a_refused_request_is_bounded(edge: Edge) -> None:
    offers = [f"{'x' * 200}{number}" for number in range(20)]
    with pytest.raises(InvalidStatus):
        await edge.connect("/ocpp/" + "y" * 3000, *offers)
    [note] = edge.refusals
    assert (len(note.offers), max(map(len, note.offers)), len(note.path), len(note.identity)) == (10, 40, 200, 96)


@pytest.mark.field_case("B7")
@pytest.mark.parametrize(
    ("pin", "offered", "chosen", "compressed"),
    [
        (Version.V16, ["ocpp1.6", "ocpp2.0.1"], "ocpp1.6", False),
        (Version.V16, ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], "ocpp1.6", False),
        (Version.V201, ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1", True),
        (Version.V201, ["ocpp1.6", "ocpp2.0.1"], "ocpp2.0.1", True),
        (None, ["ocpp1.6", "ocpp2.0.1"], "ocpp2.0.1", True),
    ],
)
async def test_the_version_that_the_platform_has_chosen_is_spoken(
    edge: Edge, pin: Version | None, offered: list[str], chosen: str, compressed: bool
) -> None:
    if pin is not None:
        edge.door.pins["CP1"] = pin
    async with edge.connect("/ocpp/CP1", *offered) as socket:
        assert socket.subprotocol == chosen
        assert socket.response is not None
        assert socket.response.headers.get_all("Sec-WebSocket-Protocol") == [chosen]
        assert ("Sec-WebSocket-Extensions" in socket.response.headers) == compressed
        answer: Any = await ask(socket, 2, "1", "Heartbeat", {"x": 1})
        assert answer[2] == ("FormationViolation" if chosen == "ocpp1.6" else "FormatViolation")
        # Large enough that an end which compresses does.
        assert (await ask(socket, 2, "2", "DataTransfer", {"vendorId": "large"}))[:2] == [3, "2"]


@pytest.mark.field_case("B7")
async def test_a_version_that_gets_nowhere_is_noted_when_another_is_offered(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6", "ocpp2.0.1") as socket:
        await ask(socket, 2, "1", "BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"})
    await until(lambda: edge.refusals)
    assert [(note.identity, note.rule) for note in edge.refusals] == [("CP1", Rule.VERSION_GETS_NOWHERE)]
    async with edge.connect("/ocpp/CP1", "ocpp2.0.1") as socket:
        await ask(socket, 2, "1", "BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"})
    await until(lambda: not len(edge.registry))
    assert len(edge.refusals) == 1


@pytest.mark.field_case("B9")
@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (ChargePointState.PENDING, Rule.NOT_ACCEPTED_YET),
        (ChargePointState.REJECTED, Rule.REJECTED_BY_OPERATOR),
        (ChargePointState.ACCEPTED, None),
    ],
)
async def test_who_is_let_in_without_being_in_service_is_noted(
    edge: Edge, state: ChargePointState, rule: Rule | None
) -> None:
    edge.door.states["CP1"] = state
    async with edge.connect("/ocpp/CP1", "ocpp1.6"):
        assert [note.rule for note in edge.refusals] == ([rule] if rule else [])


@pytest.mark.field_case("E6")
async def test_an_address_holds_so_many_sockets_and_no_more() -> None:
    async with running(max_connections_per_address=2) as edge:
        behind = {"X-CSMS-Proxy-Secret": PROXY_SECRET, "X-Forwarded-For": "203.0.113.7"}
        async with edge.connect("/ocpp/CP1", "ocpp1.6"):
            async with edge.connect("/ocpp/CP2", "ocpp1.6"):
                with pytest.raises(InvalidStatus) as refused:
                    await edge.connect("/ocpp/CP1", "ocpp1.6")
                assert refused.value.response.status_code == 429
                assert int(refused.value.response.headers["Retry-After"]) >= 1
                assert edge.refusals[-1].rule is Rule.TOO_MANY_CONNECTIONS
                async with edge.connect("/ocpp/SECRET", "ocpp1.6", headers={**basic("SECRET", PASSWORD), **behind}):
                    assert len(edge.registry) == 3
            await until(lambda: edge.registry.find("CP2") is None)
            # Nor do those count that were refused.
            for _ in range(3):
                with pytest.raises(InvalidStatus):
                    await edge.connect("/ocpp/UNKNOWN", "ocpp1.6")
            async with edge.connect("/ocpp/CP2", "ocpp1.6"):
                assert len(edge.registry) == 2


@pytest.mark.field_case("E6")
@pytest.mark.parametrize("said", [b"", b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\n"])
async def test_a_handshake_that_does_not_end_ends_with_its_socket(said: bytes) -> None:
    async with running(open_timeout=0.5) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.gateway.port)
        began = asyncio.get_running_loop().time()
        writer.write(said)
        trickling = asyncio.ensure_future(_trickle(writer) if said else asyncio.sleep(0))
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 30) == b""
        assert 0.3 < asyncio.get_running_loop().time() - began < 20
        trickling.cancel()
        writer.close()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    """Headers, a byte at a time, for ever."""
    with suppress(ConnectionError):
        while True:
            writer.write(b"X-A: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)


@pytest.mark.field_case("E6")
async def test_one_that_is_not_accepted_and_says_nothing_is_closed_although_it_answers_pings(edge: Edge) -> None:
    edge.door.states["CP1"] = ChargePointState.PENDING
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as silent, edge.connect("/ocpp/CP2", "ocpp1.6") as accepted:
        for _ in range(13):
            edge.time.now += 10
            edge.sweep_round()
            for name in ("CP1", "CP2"):
                connection = edge.registry.find(name)
                if connection is not None:
                    connection.heard()
        await asyncio.wait_for(silent.wait_closed(), 30)
        assert silent.close_code == 1008
        assert (await ask(accepted, 2, "1", "Heartbeat", {}))[:2] == [3, "1"]
