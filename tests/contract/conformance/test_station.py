"""conformance.station and conformance.run: what a CSMS gets wrong is told, and never passes."""

import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from conformance.cases import Case
from conformance.place import Place
from conformance.rest import Answer, Operator
from conformance.run import run
from conformance.station import Station
from conformance.v16.core import tc_001
from conformance.v16.states import boots
from conformance.verdicts import Failed, NotApplicable, Outcome, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What is said for each message of the charge point; a function of its id.
Says = Callable[[str], list[str]]
_BOOTED = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 60}


class Agreeing(Operator):
    """A REST interface that takes everything, and shows nothing."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "", ThreadPoolExecutor(1))

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        return Answer(200, {"data": {"id": "1", "connectors": [], **(body or {})}})


@asynccontextmanager
async def csms(says: Says, subprotocol: str = "ocpp1.6") -> AsyncIterator[Place]:
    """A CSMS that says what it is told to, whatever it is asked."""

    async def speak(socket: ServerConnection) -> None:
        async for text in socket:
            for frame in says(json.loads(text)[1]):
                await socket.send(frame)

    names = [Subprotocol(subprotocol)]
    async with serve(speak, "127.0.0.1", 0, subprotocols=names, select_subprotocol=lambda *_: names[0]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Place(f"ws://127.0.0.1:{port}", Agreeing())


def _text(*frame: Any) -> str:
    return json.dumps(frame)


WRONG: list[tuple[str, Says, str]] = [
    ("an answer without a time", lambda name: [_text(3, name, {"status": "Accepted", "interval": 1})], "currentTime"),
    ("an answer with more in it", lambda name: [_text(3, name, {**_BOOTED, "hint": 1})], "hint"),
    ("a time of its own kind", lambda name: [_text(3, name, {**_BOOTED, "currentTime": "now"})], "date-time"),
    ("what is no JSON", lambda name: ["[3,", _text(3, name, _BOOTED)], "no JSON"),
    ("what is no frame", lambda name: ["[9]", _text(3, name, _BOOTED)], "none of OCPP"),
    ("an answer to nobody", lambda name: [_text(3, "nobody", {}), _text(3, name, _BOOTED)], "none of OCPP"),
    ("a second answer", lambda name: [_text(3, name, _BOOTED)] * 2, "none of OCPP"),
    ("a call that there is not", lambda name: [_text(2, "1", "Coffee", {}), _text(3, name, _BOOTED)], "Coffee"),
    ("a bad call", lambda name: [_text(2, "1", "Reset", {"type": "X"}), _text(3, name, _BOOTED)], "Reset"),
    ("a long id", lambda name: [_text(2, "1" * 37, "ClearCache", {}), _text(3, name, _BOOTED)], "37 characters"),
]


@pytest.mark.parametrize(("says", "named"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
async def test_what_is_odd_is_noted(says: Says, named: str) -> None:
    async with csms(says) as place:
        station = Station("1.6", "CP1", place)
        await station.connect()
        await station.call("BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"})
        await station.disconnect()
    assert named in "; ".join(station.broken)


async def test_what_nobody_waited_for_is_told() -> None:
    async with csms(lambda name: [_text(2, "1", "ClearCache", {}), _text(3, name, _BOOTED)]) as place:
        station = Station("1.6", "CP1", place)
        await station.connect()
        await station.call("BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"})
        await station.disconnect()
    assert (station.broken, station.unasked()) == ([], ["ClearCache {}, for which nobody had asked"])


async def test_an_error_another_version_and_a_closed_socket_fail() -> None:
    async with csms(lambda name: [_text(4, name, "InternalError", "sorry", {})]) as place:
        station = Station("1.6", "CP1", place)
        await station.connect()
        with pytest.raises(Failed, match="CALLERROR InternalError: sorry"):
            await station.call("Heartbeat", {})
        await station.refused("Heartbeat", {}, "InternalError")
        with pytest.raises(Failed, match="SecurityError"):
            await station.refused("Heartbeat", {}, "SecurityError")
        with pytest.raises(Failed, match="the case is wrong"):
            await station.call("Heartbeat", {"coffee": True})
        await station.disconnect()
        with pytest.raises(Failed, match="subprotocol"):
            await Station("2.0.1", "CP1", place).connect()
    with pytest.raises(Failed, match="somebody listens"):
        await station.connect()


async def _judged(place: Place, *cases: Case) -> list[Outcome]:
    return await run(cases, place, 4, lambda outcome: None)


async def test_a_wrong_csms_fails_a_case_and_the_others_go_on() -> None:
    async def passes(station: Station) -> None:
        await station.connect()

    async def odd(station: Station) -> None:
        await station.connect()
        await station.call("Heartbeat", {})

    async def absent(_station: Station) -> None:
        raise NotApplicable("there is no such thing")

    async def mistaken(_station: Station) -> None:
        raise KeyError("coffee")

    tried = {"passes": passes, "odd": odd, "absent": absent, "mistaken": mistaken, "booting": boots, "cold": tc_001}
    cases = [Case(f"TC_{name}", "1.6", "It does.", function) for name, function in tried.items()]
    cases.append(Case("TC_later", "1.6", "It will.", block="Coffee"))
    async with csms(lambda name: [_text(2, name, "ClearCache", {}), _text(3, name, _BOOTED)]) as place:
        outcomes = {one.id.removeprefix("TC_"): one for one in await _judged(place, *cases)}
    verdicts = {name: one.verdict for name, one in outcomes.items()}
    fail = Verdict.FAIL
    assert verdicts == {
        **{"passes": Verdict.PASS, "absent": Verdict.NOT_APPLICABLE, "later": Verdict.TO_COME},
        **{"odd": fail, "mistaken": fail, "booting": fail, "cold": fail},
    }
    assert "ClearCache {}, for which nobody had asked" in outcomes["odd"].reason
    assert "KeyError: 'coffee' (test_station.py:" in outcomes["mistaken"].reason
    assert "the case is wrong" in outcomes["booting"].reason
    assert "the time is that of now" in outcomes["cold"].reason
    assert outcomes["cold"].frames
    assert (outcomes["later"].reason, outcomes["absent"].reason) == ("Coffee", "there is no such thing")
