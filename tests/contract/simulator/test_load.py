"""The load generator against a small central system: it counts what was answered, and sees what went wrong."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from simulator.load import worker
from simulator.load.charger import Kind
from simulator.load.dialects import LOAD_DIALECTS
from simulator.load.plan import LoadPlan, Target, Window
from simulator.load.registration import Registrar, RegistrationFailed
from simulator.load.run import Generator, LoadFailed, Measured, opened, run
from simulator.load.tally import Tally
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


async def _carried_out(csms: TinyCsms, *orders: worker.Order, connections: int = 4) -> list[Tally]:
    """What was counted while the chargers of one crowd carried out these orders, one after the other."""
    crowd = _plan(csms, "heartbeat", connections=connections).crowd

    def work() -> list[Tally]:
        with opened(crowd) as generator:
            return [generator.carry_out(order) for order in orders]

    return await asyncio.to_thread(work)


async def test_one_crowd_is_loaded_again_and_again_in_different_ways(csms: TinyCsms) -> None:
    def work() -> list[Measured]:
        with opened(_plan(csms, "heartbeat").crowd) as generator:
            windows = [Window(mix, 0.0, 0.0, 0.3) for mix in ("heartbeat", "authorize", "boot")]
            return [generator.load(window, lambda: {"edge": time.process_time()}) for window in windows]

    measured = await asyncio.to_thread(work)
    assert [set(each.tally.latencies_us) for each in measured] == [{Kind.HEARTBEAT}, {Kind.AUTHORIZE}, {Kind.BOOT}]
    assert all(each.tally.messages and not each.tally.errors and each.cpu_seconds["edge"] >= 0 for each in measured)
    assert set(csms.handshakes.values()) == {1}


async def test_chargers_prepare_for_a_mix_before_it_begins(csms: TinyCsms) -> None:
    await _carried_out(csms, worker.Prepare("metervalues"), worker.Prepare("heartbeat"), worker.Prepare("starts"))
    assert Counter(csms.actions()) == {"BootNotification": 4, "StartTransaction": 4, "StopTransaction": 4}


async def test_statuses_are_of_both_connectors_in_turn(csms: TinyCsms) -> None:
    await _carried_out(csms, worker.Say((Kind.STATUS,) * 4), connections=1)
    reported = [(each["connectorId"], each["status"]) for each in csms.payloads("StatusNotification")]
    assert reported == [(1, "Preparing"), (2, "Preparing"), (1, "Available"), (2, "Available")]


async def _cut(csms: TinyCsms) -> None:
    """Cut every connection as the death of a process does."""
    for peer in list(csms.peers.values()):
        peer._connection.connection.transport.abort()


async def _outage(csms: TinyCsms, longest_pause_seconds: float) -> Tally:
    """What is counted from an outage until everybody is back and has reported."""
    generator = Generator()
    try:
        await asyncio.to_thread(generator.open, _plan(csms, "heartbeat").crowd)
        generator.tell(worker.ComeBack((Kind.BOOT, Kind.STATUS, Kind.STATUS), longest_pause_seconds))
        hearing = asyncio.create_task(asyncio.to_thread(generator.hear, 30))
        # The order may arrive after the outage: then a loss is noticed all the same, and no error.
        await _cut(csms)
        tally = await hearing
        await asyncio.to_thread(generator.close)
        return tally
    finally:
        generator.kill()


async def test_chargers_come_back_after_an_outage_and_report_anew(csms: TinyCsms) -> None:
    tally = await _outage(csms, 0.2)
    assert (tally.messages, tally.errors) == (4, {})
    assert set(csms.handshakes.values()) == {2}
    assert Counter(csms.actions()) == {"BootNotification": 8, "StatusNotification": 8}


async def test_chargers_wait_as_long_as_the_server_asks_up_to_a_bound(csms: TinyCsms) -> None:
    csms.handshake_status = None
    generator = Generator()
    try:
        await asyncio.to_thread(generator.open, _plan(csms, "heartbeat", connections=1).crowd)
        csms.handshake_status, csms.retry_after = 503, "60"
        generator.tell(worker.ComeBack((Kind.BOOT,), 0.2))
        hearing = asyncio.create_task(asyncio.to_thread(generator.hear, 30))
        await _cut(csms)
        await csms.until(lambda: csms.handshakes["LOAD00001"] >= 3)
        csms.handshake_status = None
        tally = await hearing
    finally:
        generator.kill()
    assert tally.messages == 1
    assert tally.refused["HTTP 503"] >= 2
    # Each of the refusals cost a pause, and none the minute that was asked for.
    assert 0.4 <= tally.latencies_us[Kind.BOOT][0] / 1e6 < 30
