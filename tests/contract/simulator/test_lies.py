"""Charge points that lie: what goes over the wire, what they forget, and the truth in the ledger beside it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator import fleet_cli
from simulator.fleet import Fleet, FleetPlan, FleetReport
from simulator.ledger import Acknowledgement, Ledger, read_ledger, read_truths
from simulator.lies import memory
from simulator.lies.catalogue import LIES
from simulator.transport import Endpoint
from simulator.truth import Ending, Truth
from tests.fixtures.tiny_csms import TinyCsms


class Reported:
    """What a fleet of liars has left behind."""

    def __init__(self, csms: TinyCsms, path: Path) -> None:
        self.csms = csms
        self._path = path
        self.report: FleetReport | None = None

    @property
    def entries(self) -> list[Acknowledgement]:
        return list(read_ledger(self._path))

    @property
    def truths(self) -> list[Truth]:
        return read_truths(self._path)


@asynccontextmanager
async def liars(csms: TinyCsms, path: Path, *lies: str, protocol: str = "1.6", **more: Any) -> AsyncIterator[Reported]:
    """Charge points that lie until the end of the block."""
    usual: dict[str, Any] = {"session_seconds": 2.0, "pause_seconds": 0.1, "sample_seconds": 1, "ramp_seconds": 0.1}
    plan = FleetPlan(
        **{**usual, **more},
        identities=["LIAR"],
        tags=["TAG", "OTHER"],
        protocols=[protocol],
        endpoint=Endpoint(csms.url),
        reconnect_seconds=0.5,
        lies=[LIES[name] for name in lies],
        liar_share=1.0,
        grace_seconds=5.0,
    )
    reported = Reported(csms, path)
    with Ledger(path) as ledger:
        fleet = Fleet(plan, ledger, random.Random(1))
        running = asyncio.create_task(fleet.run())
        try:
            yield reported
        finally:
            fleet.stop()
            reported.report = await running


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # a file that grows tells nobody
            await asyncio.sleep(0.02)


def _without_stamps(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_stamps(part) for name, part in value.items() if name != "timestamp"}
    return [_without_stamps(part) for part in value] if isinstance(value, list) else value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def quick_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MEAN_SECONDS_BETWEEN_CUTS", 0.3)
    monkeypatch.setattr(memory, "_MEAN_SECONDS_TO_THE_END", 0.3)


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
async def test_the_wire_has_the_lie_and_the_ledger_the_truth_beside_it(
    csms: TinyCsms, path: Path, protocol: str
) -> None:
    async with liars(csms, path, "clock-behind", protocol=protocol) as reported:
        await until(lambda: [truth for truth in reported.truths if truth.ending is Ending.REPORTED])
    [truth, *_] = reported.truths
    start = next(entry for entry in reported.entries if entry.action in ("StartTransaction", "TransactionEvent"))
    assert (start.lies, start.session, truth.lies) == (("clock-behind",), truth.session, ("clock-behind",))
    assert start.meant is not None
    assert start.request["timestamp"] < start.meant["timestamp"] == start.true_request["timestamp"]
    assert _without_stamps(start.request) == _without_stamps(start.meant)
    sent = next(call.payload for call in csms.calls if call.action == start.action)
    assert sent == start.request
    assert truth.end_time is not None
    assert truth.meter_end_wh is not None
    assert 1.5 < (truth.end_time - truth.start_time).total_seconds() < 5
    assert truth.meter_end_wh == truth.last_sent_wh
    assert truth.transaction_id == (truth.session if protocol == "2.0.1" else str(start.answer["transactionId"]))


async def test_who_tells_the_truth_leaves_a_ledger_as_ever(csms: TinyCsms, path: Path) -> None:
    async with liars(csms, path) as reported:
        await until(lambda: "StopTransaction" in csms.actions())
    written = await asyncio.to_thread(path.read_text)
    assert reported.truths == []
    assert "lies" not in written
    assert "session" not in written


async def test_a_session_is_forgotten_and_the_connector_is_free_after_the_boot(
    csms: TinyCsms, path: Path, quick_to_forget: None
) -> None:
    def lost() -> list[Truth]:
        return [truth for truth in reported.truths if truth.ending is Ending.FORGOTTEN and truth.transaction_id]

    def statuses_since(call: int) -> set[str]:
        reported = [each.payload for each in csms.calls[call:] if each.action == "StatusNotification"]
        return {status["status"] for status in reported if status["connectorId"] == 1}

    async with liars(csms, path, "forgets", session_seconds=30.0) as reported:
        await until(lost)
        truth = lost()[0]
        await until(lambda: csms.actions().count("BootNotification") >= 2)
        boot = [number for number, action in enumerate(csms.actions()) if action == "BootNotification"][1]
        await until(lambda: {"Available", "Preparing"} & statuses_since(boot))
    assert "forgets" in truth.lies
    assert not [call for call in csms.calls if call.payload.get("transactionId") == int(truth.transaction_id)][3:]
    stops = [call.payload["transactionId"] for call in csms.calls if call.action == "StopTransaction"]
    assert int(truth.transaction_id) not in stops
    assert reported.report is not None
    assert reported.report.unsent == 0


async def test_a_station_that_goes_silent_is_not_seen_again(csms: TinyCsms, path: Path, quick_to_forget: None) -> None:
    async with liars(csms, path, "goes-silent", session_seconds=30.0) as reported:
        await until(lambda: [truth for truth in reported.truths if truth.ending is Ending.SILENT])
        heard = len(csms.calls)
        await asyncio.sleep(0.5)
        assert len(csms.calls) == heard
    assert reported.report is not None
    assert (reported.report.unsent, reported.report.connects) == (0, 1)


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
async def test_stray_readings_name_no_session_that_runs(
    csms: TinyCsms, path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.lies.strays._MEAN_SECONDS_BETWEEN", 0.1)

    def strays() -> list[Acknowledgement]:
        return [entry for entry in reported.entries if "stray-readings" in entry.lies]

    def names() -> set[Any]:
        info = [entry.request.get("transactionInfo", {}).get("transactionId") for entry in strays()]
        return {*info, *(entry.request.get("transactionId") for entry in strays())}

    async with liars(csms, path, "stray-readings", protocol=protocol) as reported:
        await until(lambda: None in names() and len(names()) >= 4 and [one for one in reported.truths if one.end_time])
    assert {entry.message_id[:6] for entry in strays()} == {"stray-"}
    assert any("777" in str(name) for name in names())


async def test_answers_that_are_not_heard_have_a_start_told_again_in_the_same_words(
    csms: TinyCsms, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.lies.catalogue._LOST_ANSWERS", 0.6)
    monkeypatch.setattr("simulator.lies.clocks._UNSTAMPED", 0.0)

    def again() -> list[Any]:
        starts = [call.payload for call in csms.calls if call.action == "StartTransaction"]
        return [start for start in starts if starts.count(start) > 1]

    async with liars(csms, path, "no-stamps") as reported:
        await until(lambda: again() and [entry for entry in reported.entries if entry.action == "StartTransaction"])
    heard = [entry.answer["transactionId"] for entry in reported.entries if entry.action == "StartTransaction"]
    assert len(heard) < len([call for call in csms.calls if call.action == "StartTransaction"])


async def test_who_insists_charges_by_a_card_that_is_refused(csms: TinyCsms, path: Path) -> None:
    csms.tags |= {"STRANGER": "Invalid", "OTHER": "ConcurrentTx"}
    async with liars(csms, path, "insists") as reported:
        await until(lambda: [truth for truth in reported.truths if truth.ending is Ending.REPORTED])
    assert "Authorize" not in csms.actions()
    [start, *_] = [entry for entry in reported.entries if entry.action == "StartTransaction"]
    assert start.answer["idTagInfo"]["status"] in ("Invalid", "ConcurrentTx")
    [truth, *_] = reported.truths
    assert truth.end_time is not None
    assert (truth.end_time - truth.start_time).total_seconds() > 0.9


@pytest.mark.parametrize("words", [["--lies", "nonsense"], ["--lies", "all", "--liars", "2"]])
def test_what_is_no_lie_and_no_share_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        fleet_cli.main(words)
    assert refused.value.code == 2
