"""The load generator against a small central system: it counts what was answered, and sees what went wrong."""

import asyncio
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from simulator.load.charger import Kind
from simulator.load.dialects import LOAD_DIALECTS
from simulator.load.plan import LoadPlan, Target
from simulator.load.registration import Registrar, RegistrationFailed
from simulator.load.run import LoadFailed, run
from tests.fixtures.tiny_csms import TinyCsms


def _plan(csms: TinyCsms, mix: str = "mixed", version: str = "1.6", **changes: Any) -> LoadPlan:
    values: dict[str, Any] = {
        "target": Target(csms.url),
        "connections": 4,
        "seconds": 0.5,
        "mix": mix,
        "rate": 0.0,
        "version": version,
        "id_prefix": "LOAD",
        "id_tag": None,
        "warmup_seconds": 0.1,
        "processes": 1,
        "pids": {"edge": os.getpid()},
    }
    return LoadPlan(**(values | changes))


async def _report(plan: LoadPlan) -> dict[str, Any]:
    return await asyncio.to_thread(run, plan)


@pytest.mark.parametrize("version", LOAD_DIALECTS)
async def test_every_message_of_a_mixed_run_is_answered(csms: TinyCsms, version: str) -> None:
    report = await _report(_plan(csms, version=version))
    assert report["errors"] == {}
    assert report["messages"] == sum(kind["messages"] for kind in report["byKind"].values()) > 20
    assert report["latencyMs"]["p50"] <= report["latencyMs"]["p99"] <= report["latencyMs"]["max"]
    assert report["cpuUsPerMessage"]["edge"] > 0
    assert report["cpuUsPerMessage"]["generator 1"] > 0
    assert {call.charge_point_id for call in csms.calls} == {f"LOAD0000{number}" for number in range(1, 5)}


async def test_transactions_of_a_run_are_ended(csms: TinyCsms) -> None:
    await _report(_plan(csms, "metervalues"))
    assert len(csms.payloads("StartTransaction")) == len(csms.payloads("StopTransaction")) == 4
    assert {each["transactionId"] for each in csms.payloads("MeterValues")} == {1, 2, 3, 4}


async def test_starts_and_stops_alternate(csms: TinyCsms) -> None:
    report = await _report(_plan(csms, "starts", connections=1))
    actions = [action for action in csms.actions() if action.endswith("Transaction")]
    assert actions == ["StartTransaction", "StopTransaction"] * (len(actions) // 2)
    assert report["byKind"].keys() == {Kind.START, Kind.STOP}


async def test_an_open_loop_offers_its_rate_whatever_the_answers_do(csms: TinyCsms) -> None:
    report = await _report(_plan(csms, "heartbeat", rate=100.0, seconds=1.0, processes=2))
    assert report["messages"] == pytest.approx(100, abs=8)
    assert report["processes"] == 2


async def test_errors_are_counted_by_their_code_and_the_run_goes_on(csms: TinyCsms) -> None:
    csms.refuse["StartTransaction"] = 3
    report = await _report(_plan(csms, "starts", connections=1, warmup_seconds=0.0))
    assert report["errors"] == {"InternalError": 3}
    assert report["messages"] > 0


async def test_refused_cards_are_counted_apart(csms: TinyCsms) -> None:
    csms.tags["CARD"] = "Blocked"
    report = await _report(_plan(csms, "starts", connections=1, id_tag="CARD"))
    assert report["refused"]["Blocked"] == report["byKind"]["start"]["messages"]
    assert report["errors"] == {}


async def test_a_charger_that_is_not_taken_in_ends_the_run(csms: TinyCsms) -> None:
    csms.registration = "Pending"
    with pytest.raises(LoadFailed, match="BootNotification is Pending"):
        await _report(_plan(csms))


async def test_bad_credentials_end_the_run(csms: TinyCsms) -> None:
    csms.passwords["LOAD00002"] = b"0123456789abcdef"
    with pytest.raises(LoadFailed, match="LOAD00002: HTTP 401"):
        await _report(_plan(csms))
    report = await _report(_plan(csms, connections=1, target=Target(csms.url, password=b"any")))
    assert report["errors"] == {}


class _Platform(BaseHTTPRequestHandler):
    """A REST facade that takes everything once."""

    posted: list[tuple[str, dict[str, Any]]]
    busy: int

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = 201 if self.headers["Authorization"] == "Bearer token" else 401
        if type(self).busy:
            type(self).busy -= 1
            status = 429
        elif (self.path, body) in type(self).posted:
            status = 409
        if status == 201:
            type(self).posted.append((self.path, body))
        answer = json.dumps({"data": {"id": "driver-1"}}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def platform() -> Iterator[tuple[str, type[_Platform]]]:
    """The URL of a platform that listens, and its handler with what was posted."""
    handler = type("Handler", (_Platform,), {"posted": [], "busy": 2})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()


def test_charge_points_and_their_cards_are_made_once(platform: tuple[str, type[_Platform]]) -> None:
    url, handler = platform
    for _ in range(2):
        Registrar(url, "token").register(["A", "B"], ["T", "T"])
    paths = [path for path, _ in handler.posted]
    assert (paths.count("/charge-points"), paths.count("/rfid-cards")) == (2, 1)
    assert ("/charge-points", {"id": "A", "state": "ACCEPTED"}) in handler.posted
    assert ("/rfid-cards", {"idTag": "T", "driverId": "driver-1", "status": "ACTIVE"}) in handler.posted


def test_a_platform_that_refuses_ends_the_registration(platform: tuple[str, type[_Platform]]) -> None:
    with pytest.raises(RegistrationFailed, match="401"):
        Registrar(platform[0], "wrong").register(["A"], ["A"])


def test_a_platform_that_is_not_there_ends_the_registration() -> None:
    with pytest.raises(RegistrationFailed, match="drivers"):
        Registrar("http://127.0.0.1:9", "token").register(["A"], ["A"])
