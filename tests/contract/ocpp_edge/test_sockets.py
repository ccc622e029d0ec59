"""An open socket under real clients: garbage, floods, replacement, silence, the end of the process."""

import asyncio
import random
from functools import partial

import orjson
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from ocpp_edge.rpc.calls import Failed, FailureReason, Result
from ocpp_edge.rpc.frames import MAX_FRAME_BYTES
from tests.contract.ocpp_edge.edge import Edge, ask, running, say, until


async def test_who_waits_for_it_to_listen_is_told_when_it_does() -> None:
    edge = Edge()
    waiting = asyncio.create_task(edge.gateway.listening())
    await asyncio.sleep(0)
    assert not waiting.done()
    await edge.gateway.start()
    try:
        async with asyncio.timeout(1):
            await waiting
        assert edge.gateway.port
    finally:
        await edge.gateway.drain(spread_seconds=0, grace_seconds=2)


async def alive(socket: ClientConnection) -> bool:
    return bool((await ask(socket, 2, "alive", "Heartbeat", {}))[1] == "alive")


@pytest.mark.parametrize(
    ("frame", "message_id"),
    [
        (b"garbage", "-1"),
        (b"", "-1"),
        (b"\xff\xfe\xfd", "-1"),
        (b"[]", "-1"),
        (b'[2,"7"]', "7"),
        (b'[2,"7","Heartbeat",{}', "7"),
        (b'[2,"7","MakeCoffee",{}]', "7"),
        (b'[2,"7","Heartbeat",' + b"[" * 3000 + b"]" * 3000 + b"]", "7"),
        (b'[2,"7","DataTransfer",{"vendorId":"%s"}]' % (b"x" * MAX_FRAME_BYTES), "7"),
    ],
)
@pytest.mark.parametrize("text", [True, False], ids=["text", "binary"])
async def test_garbage_gets_an_error_and_leaves_the_socket_open(
    edge: Edge, frame: bytes, message_id: str, text: bool
) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        await socket.send(frame, text=text)
        assert orjson.loads(await socket.recv())[:2] == [4, message_id]
        assert await alive(socket)


@pytest.mark.parametrize("frame", [b'[3,"x",{}]', b'[4,"x","GenericError","",{}]', b'[3,"x"', b"[4,7]"])
async def test_answers_to_nothing_are_ignored(edge: Edge, frame: bytes) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        await socket.send(frame, text=True)
        assert await alive(socket)


async def test_a_fragmented_message_is_put_together(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        await socket.send(['[2,"1",', '"Heartbeat"', ",{}]"])
        assert orjson.loads(await socket.recv())[:2] == [3, "1"]


async def test_a_message_beyond_every_measure_closes_its_socket_only(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as big, edge.connect("/ocpp/CP2", "ocpp1.6") as small:
        with pytest.raises(ConnectionClosed) as closed:
            await say(big, "x" * (2 * 1024 * 1024))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert await alive(small)


async def test_a_compressed_bomb_is_bounded_by_what_it_unpacks_to(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp2.0.1") as socket:
        with pytest.raises(ConnectionClosed):
            await say(socket, "0" * (16 * 1024 * 1024))


async def test_a_flood_is_answered_call_by_call(edge: Edge) -> None:
    count = 3000
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        for number in range(count):
            await socket.send(f'[2,"{number}","Heartbeat",{{}}]')
        answers = [orjson.loads(await socket.recv())[1] for _ in range(count)]
        assert sorted(answers, key=int) == [str(number) for number in range(count)]
        assert await alive(socket)


async def send_until_nothing_is_handled(edge: Edge, socket: ClientConnection, most: int) -> int:
    """Send requests with large answers without reading these; the number sent when the gateway stopped, or `most`."""
    for sent in range(1, most + 1):
        await socket.send(f'[2,"{sent}","DataTransfer",{{"vendorId":"large"}}]')
        try:
            await until(partial(edge.backend.handled.__contains__, str(sent)), within_seconds=0.5)
        except TimeoutError:
            return sent
    return most


async def test_who_does_not_read_is_not_read_from_until_he_does(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6", max_queue=1) as socket:
        sent = await send_until_nothing_is_handled(edge, socket, most=500)
        assert len(edge.backend.handled) == sent - 1
        answers = [orjson.loads(await socket.recv())[1] for _ in range(sent)]
        assert answers == [str(number) for number in range(1, sent + 1)]
        assert await alive(socket)


async def test_calls_go_out_and_answers_come_back(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        connection = edge.registry.find("CP1")
        assert connection is not None
        calling = asyncio.ensure_future(connection.call("Reset", {"type": "Soft"}))
        request = await socket.recv(decode=False)
        message_id = orjson.loads(request)[1]
        assert request == b'[2,"%s","Reset",{"type":"Soft"}]' % message_id.encode()
        await socket.send(orjson.dumps([3, message_id, {"status": "Accepted"}]), text=True)
        assert await calling == Result({"status": "Accepted"})


async def test_the_newest_socket_wins_and_the_end_of_the_older_does_not_touch_it(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as old:
        older = edge.registry.find("CP1")
        assert older is not None
        calling = asyncio.ensure_future(older.call("Reset", {"type": "Soft"}))
        await old.recv()
        async with edge.connect("/ocpp/CP1", "ocpp1.6") as new:
            assert await calling == Failed(FailureReason.SUPERSEDED)
            await old.wait_closed()
            assert old.close_code == 1008
            await until(lambda: edge.door.departures)
            assert [disconnect.epoch for disconnect in edge.door.departures] == [1]
            newest = edge.registry.find("CP1")
            assert newest is not None
            assert newest.context.epoch == 2
            assert await alive(new)


async def test_the_end_of_a_socket_is_reported_once(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6"):
        assert len(edge.registry) == 1
    await until(lambda: edge.door.departures)
    assert len(edge.registry) == 0
    assert [(d.charge_point_id, d.epoch, d.reason) for d in edge.door.departures] == [("CP1", 1, "connection_lost")]


async def test_a_silent_peer_is_pinged_and_its_pong_keeps_it(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        connection = edge.registry.find("CP1")
        assert connection is not None
        for _ in range(4):
            edge.time.now += 61
            edge.sweep_round()
            await until(lambda: connection.last_seen == edge.time.now)
        assert await alive(socket)


async def test_a_dead_peer_is_dropped(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        edge.time.now += 121
        edge.sweep_round()
        await socket.wait_closed()
        assert socket.close_code == 1006


async def test_a_draining_gateway_answers_what_it_has_and_says_goodbye() -> None:
    async with running() as edge, edge.connect("/ocpp/CP1", "ocpp1.6") as busy:
        async with edge.connect("/ocpp/CP2", "ocpp1.6") as idle:
            await busy.send('[2,"1","DataTransfer",{"vendorId":"slow"}]')
            await until(lambda: edge.backend.started)
            draining = asyncio.ensure_future(edge.gateway.drain(spread_seconds=0.05, grace_seconds=10))
            await idle.wait_closed()
            assert idle.close_code == 1001
            with pytest.raises((OSError, InvalidStatus)):
                await edge.connect("/ocpp/CP2", "ocpp1.6")
            edge.backend.gate.set()
            assert orjson.loads(await busy.recv()) == [3, "1", {"status": "Accepted"}]
            await busy.wait_closed()
            assert busy.close_code == 1001
            await draining
        assert {disconnect.charge_point_id for disconnect in edge.door.departures} == {"CP1", "CP2"}


async def test_a_drain_does_not_wait_for_ever() -> None:
    async with running() as edge, edge.connect("/ocpp/CP1", "ocpp1.6") as stuck:
        await stuck.send('[2,"1","DataTransfer",{"vendorId":"slow"}]')
        await until(lambda: edge.backend.started)
        await edge.gateway.drain(spread_seconds=0, grace_seconds=0.1)
        await stuck.wait_closed()
        assert stuck.close_code == 1006
        assert [disconnect.charge_point_id for disconnect in edge.door.departures] == ["CP1"]


def heartbeat_frame(number: int) -> bytes:
    return Frame(Opcode.TEXT, b'[2,"%d","Heartbeat",{}]' % number).serialize(mask=True)


@pytest.mark.parametrize("seed", range(12))
async def test_frames_are_understood_however_tcp_cuts_and_joins_them(edge: Edge, seed: int) -> None:
    """Whole ones, halves, several at once, in fragments and with pings between: one answer each, in their order."""
    dice = random.Random(seed)
    count = 40
    stream = b""
    for number in range(count):
        if dice.random() < 0.2:
            stream += Frame(Opcode.PING, b"are you there?").serialize(mask=True)
        if dice.random() < 0.2:
            text = b'[2,"%d","Heartbeat",{}]' % number
            stream += Frame(Opcode.TEXT, text[:5], fin=False).serialize(mask=True)
            stream += Frame(Opcode.CONT, text[5:]).serialize(mask=True)
        else:
            stream += heartbeat_frame(number)
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        while stream:
            size = dice.choice([1, 2, 7, 31, len(heartbeat_frame(10)), 200])
            socket.transport.write(stream[:size])
            stream = stream[size:]
            await asyncio.sleep(0)
        answers = [orjson.loads(await socket.recv())[1] for _ in range(count)]
        assert answers == [str(number) for number in range(count)]
        assert await alive(socket)


async def test_a_whole_frame_within_a_fragmented_message_is_a_breach_as_ever(edge: Edge) -> None:
    async with edge.connect("/ocpp/CP1", "ocpp1.6") as socket:
        assert await alive(socket)
        socket.transport.write(Frame(Opcode.TEXT, b"[2,", fin=False).serialize(mask=True))
        await asyncio.sleep(0.05)
        socket.transport.write(heartbeat_frame(1))
        await socket.wait_closed()
        assert socket.close_code == 1002
