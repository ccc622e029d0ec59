"""What the edge tells besides: every frame to the journal, every sign of life to the station service, its own end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.transaction.v1.command_pb2 import ChangeConfiguration, CommandBody
from ocpp_edge.backend import liveness
from stack.ports import free_port, is_listening
from tests.contract.ocpp_edge.edge import until
from tests.contract.ocpp_edge.node import Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.tokens import Tokens

ROOT = Path(__file__).resolve().parents[3]
BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


async def test_every_frame_reaches_the_journal(node: Node, platform: Platform) -> None:
    service = await node.service()
    async with node.charger() as charger:
        await charger.ask("BootNotification", BOOT)
        await charger.exchange("MakeCoffee", {})
        await charger.socket.send("no OCPP at all")
        await charger.receive()
        body = CommandBody(change_configuration=ChangeConfiguration(key="AuthorizationKey", value="secret" * 3))
        request = edge_pb.DeliverCommandRequest(command_id="c1", charge_point_id="CP1", body=body)
        delivering = asyncio.ensure_future(service.DeliverCommand(request))
        assert (await charger.answer({"status": "Accepted"}, "ChangeConfiguration"))["value"] == "secret" * 3
        await delivering
    await until(lambda: len(platform.frames) == 5)
    assert platform.journal("CP1") == [
        ("INBOUND", "CALL", "CALL_RESULT", "BootNotification"),
        ("INBOUND", "CALL", "CALL_ERROR", "MakeCoffee"),
        ("INBOUND", "KIND_UNSPECIFIED", "KIND_UNSPECIFIED", ""),
        ("OUTBOUND", "CALL_ERROR", "KIND_UNSPECIFIED", ""),
        ("OUTBOUND", "CALL", "CALL_RESULT", "ChangeConfiguration"),
    ]
    frames = sorted(platform.frames.values(), key=lambda frame: frame.id)
    assert {(frame.protocol, frame.epoch) for frame in frames} == {("ocpp1.6", 1)}
    assert orjson.loads(frames[0].frame)[3] == BOOT
    assert orjson.loads(frames[0].answer_frame)[2]["status"] == "Accepted"
    assert frames[0].latency_us > 0
    assert [frame.error_code for frame in frames] == ["", "NotImplemented", *["FormationViolation"] * 2, ""]
    assert not any("secret" in frame.frame + frame.answer_frame for frame in frames)


async def test_frames_wait_for_a_journal_that_is_down(node: Node, platform: Platform) -> None:
    platform.down = {"AppendBatches"}
    async with node.charger() as charger:
        await charger.ask("BootNotification", BOOT)
        platform.down = set()
        await until(lambda: len(platform.frames) == 1)


async def test_a_service_that_knows_no_batches_gets_the_frames_by_themselves(node: Node, platform: Platform) -> None:
    platform.knows_batches = False
    async with node.charger() as charger:
        await charger.ask("BootNotification", BOOT)
        await until(lambda: platform.frames)
    assert platform.journal("CP1") == [("INBOUND", "CALL", "CALL_RESULT", "BootNotification")]


async def test_a_node_shows_that_it_lives_and_whom_it_has_heard(
    start_node: Starter, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "REPORTS_PER_LEASE", 600)
    node = await start_node(edge_node_id="node-1")
    await until(lambda: platform.leases)
    async with node.charger() as charger:
        await charger.ask("Heartbeat", {})
        await until(lambda: platform.sightings)
        sighting = platform.sightings[0]
        assert (sighting.charge_point_id, sighting.epoch, set(platform.leases)) == ("CP1", 1, {connected_to(platform)})
        platform.superseded = ["CP1"]
        await charger.ask("Heartbeat", {})
        await charger.socket.wait_closed()
        assert charger.socket.close_code == 1008


def connected_to(platform: Platform, charge_point_id: str = "CP1") -> str:
    return platform.connections[charge_point_id].node


async def test_a_node_that_starts_anew_does_not_keep_alive_what_it_held_before(
    start_node: Starter, platform: Platform
) -> None:
    # Killed, and started again under its name and address: by the old name it would renew the old lease.
    first = await start_node(edge_node_id="node-1")
    async with first.charger():
        before = connected_to(platform)
    await start_node(edge_node_id="node-1")
    await until(lambda: len(set(platform.leases)) == 2)
    assert before in platform.leases
    assert all(name.startswith("node-1/") for name in platform.leases)


async def test_a_connection_that_speaks_for_nobody_any_more_is_closed(node: Node, platform: Platform) -> None:
    async with node.charger() as charger:
        del platform.connections["CP1"]
        await charger.send("StatusNotification", STATUS)
        await charger.socket.wait_closed()
        assert charger.socket.close_code == 1008


@asynccontextmanager
async def process(
    tokens: Tokens, platform: Platform, folder: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """An edge process of its own, and the port it takes charge points on."""
    listen_port, ocpp_port = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
        "LISTEN_PORT": str(listen_port),
        "OCPP_LISTEN_PORT": str(ocpp_port),
        "OCPP_SECURITY_PROFILE_MIN": "0",
        "OCPP_TRUSTED_PROXIES": "127.0.0.1/32, 10.0.0.0/8",
        "OCPP_PROXY_SECRET": "x" * 32,
        **{f"{name.upper()}_SERVICE_URL": f"http://{address}" for name, address in platform.addresses.items()},
        "JWT_JWKS_FILE": str(tokens.jwks_file),
        "SERVICE_JWKS_FILE": str(tokens.service_jwks_file),
        "SERVICE_PRIVATE_KEY_FILE": str(tokens.service_private_key_file("edge")),
        "DRAIN_SECONDS": "0",
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ocpp_edge", cwd=folder, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: is_listening(listen_port) and is_listening(ocpp_port))
        yield started, ocpp_port
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def test_a_process_told_to_stop_sends_its_charge_points_away_and_forgets_nothing(
    tokens: Tokens, platform: Platform, tmp_path: Path
) -> None:
    async with process(tokens, platform, tmp_path) as (edge, port), asyncio.timeout(30):
        sockets = [
            await connect(f"ws://127.0.0.1:{port}/ocpp/CP{number}", subprotocols=[Subprotocol("ocpp1.6")], proxy=None)
            for number in range(3)
        ]
        for socket in sockets:
            await socket.send('[2,"1","Heartbeat",{}]')
            await socket.recv()
        edge.send_signal(signal.SIGTERM)
        for socket in sockets:
            await socket.wait_closed()
        assert [socket.close_code for socket in sockets] == [1001] * 3
        assert await edge.wait() == 0
    assert sorted(name for name, _ in platform.closed) == ["CP0", "CP1", "CP2"]
    assert len(platform.frames) == 3


@pytest.mark.field_case("B2")
@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_no_character_costs_a_frame_or_its_socket(
    node: Node, platform: Platform, compression: str | None
) -> None:
    texts = [b"Lades\xe4ule", b"\xff\xfe", b"\xed\xa0\x80", b"a\0b", b"\x01", b"\\u0000", b"\\ud83d", "süß".encode()]
    async with node.charger(compression=compression) as charger:
        for number, text in enumerate(texts):
            status = b'{"connectorId":1,"errorCode":"NoError","status":"Available","info":"%b"}' % text
            for frame in (b'[2,"%d","StatusNotification",%b]', b'[2,%d,"StatusNotification",%b]\0\0'):
                await charger.socket.send(frame % (number, status), text=True)
                kind, message_id, answer = orjson.loads(await charger.socket.recv())
                assert (kind, str(message_id), answer) == (3, str(number), {})
        assert "currentTime" in await charger.ask("Heartbeat", {})
    reported = [status.info for status in platform.statuses[::2]]
    assert reported == ["Lades\ufffdule", "\ufffd\ufffd", "\ufffd" * 3, "ab", "", "", "\ufffd", "süß"]


@pytest.mark.field_case("B11")
async def test_what_a_charge_point_notifies_is_stored_or_not_acknowledged(
    node: Node, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    security = {"type": "StartupOfTheDevice", "timestamp": "2026-03-01T12:00:00Z"}
    async with node.charger() as charger:
        await charger.ask("BootNotification", BOOT)
        assert await charger.ask("SecurityEventNotification", security) == {}
        assert await charger.ask("FirmwareStatusNotification", {"status": "Installed"}) == {}
        platform.down = {"RecordDeviceEvents"}
        assert (await charger.exchange("DiagnosticsStatusNotification", {"status": "Idle"}))[:1] == [4]
        platform.down = set()
        assert await charger.ask("DiagnosticsStatusNotification", {"status": "Idle"}) == {}
    reported = [(event.kind, event.subject or event.status, event.epoch) for event in platform.device_events]
    assert reported == [
        ("security_event", "StartupOfTheDevice", 1),
        ("firmware_status", "Installed", 1),
        ("log_status", "Idle", 1),
    ]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
