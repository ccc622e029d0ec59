"""The program as a person starts it."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from simulator.ledger import read_ledger
from tests.fixtures.tiny_csms import TinyCsms


async def start(*words: str) -> asyncio.subprocess.Process:
    """The program with these words; what it prints can be read."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "simulator", *words, stdout=pipe, stderr=pipe)


async def _run(*words: str) -> tuple[int | None, str, str]:
    process = await start(*words)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, out.decode(), err.decode()


async def test_a_session_is_printed_frame_by_frame_and_ends_with_0(csms: TinyCsms) -> None:
    code, out, err = await _run("CP001", "1.6", csms.url, "--duration", "0.2")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert all(line[13] in "→←" for line in lines)
    sent = [json.loads(line[15:]) for line in lines if line[13] == "→"]
    assert [message[2] for message in sent] == csms.actions()
    assert ", " not in lines[0]
    assert csms.payloads("Authorize") == [{"idTag": "DEMO0001"}]
    stop = csms.payloads("StopTransaction")[0]
    assert stop["meterStop"] - csms.payloads("StartTransaction")[0]["meterStart"] == 5_500


async def test_a_refused_card_ends_with_1_and_says_so(csms: TinyCsms) -> None:
    csms.tags["DEMO0001"] = "Blocked"
    code, _, err = await _run("CP001", "2.0.1", csms.url, "--duration", "0.2", "--quiet")
    assert code == 1
    assert "DEMO0001 is Blocked" in err


async def test_a_charge_point_that_stays_pending_ends_with_1(csms: TinyCsms) -> None:
    csms.registration = "Pending"
    code, _, err = await _run("CP001", "1.6", csms.url, "--wait", "0.3", "--quiet")
    assert code == 1
    assert "BootNotification is Pending" in err


async def test_bad_credentials_end_at_once_with_1(csms: TinyCsms) -> None:
    csms.passwords["CP001"] = b"0123456789abcdef"
    code, _, err = await _run("CP001", "1.6", csms.url, "--password", "wrong")
    assert code == 1
    assert "401" in err
    assert csms.handshakes["CP001"] == 1


async def test_nobody_listening_ends_with_1(csms: TinyCsms) -> None:
    code, _, err = await _run("CP001", "1.6", "ws://127.0.0.1:9/ocpp", "--wait", "0.2")
    assert code == 1
    assert "Traceback" not in err


async def test_a_fleet_stops_cleanly_when_it_is_told(csms: TinyCsms, tmp_path: Path) -> None:
    words = ["--count", "3", "--session", "60", "--ramp", "0.1", "--tags", "A,B,C", "--ledger", str(tmp_path / "l")]
    process = await start("fleet", "--url", csms.url, *words)
    # CP001 and CP003 speak 1.6, CP002 2.0.1
    await csms.until(lambda: len(csms.payloads("StartTransaction")) == 2 and bool(csms.payloads("TransactionEvent")))
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    report = json.loads(out)
    assert (process.returncode, err) == (0, b"")
    assert (report["charge_points"], report["sessions"], report["unsent"]) == (3, 3, 0)
    assert len(csms.payloads("StopTransaction")) == 2
    assert csms.payloads("TransactionEvent")[-1]["eventType"] == "Ended"
    assert len(list(read_ledger(tmp_path / "l"))) == report["acknowledged"] == len(csms.calls)


async def test_a_fleet_survives_cuts_and_loses_nothing(csms: TinyCsms, tmp_path: Path) -> None:
    words = ["--session", "1", "--pause", "0.2", "--sample", "1", "--ramp", "0.1", "--cut", "0.5", "--seed", "7"]
    code, out, _ = await _run("fleet", "--url", csms.url, "--ids", "A,B", "--seconds", "4", *words)
    report = json.loads(out)
    assert (code, report["unsent"]) == (0, 0)
    assert report["connects"] > 2
    starts = {(each["timestamp"], each["meterStart"]) for each in csms.payloads("StartTransaction")}
    stops = {each["timestamp"] for each in csms.payloads("StopTransaction")}
    assert len(starts) == len(stops) > 0


async def test_a_reader_that_goes_away_does_not_end_the_session(csms: TinyCsms) -> None:
    process = await start("CP001", "1.6", csms.url, "--duration", "0.2")
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way to close a pipe's end
    assert await process.stderr.read() == b""
    assert await process.wait() == 0
    assert csms.actions().count("StopTransaction") == 1


@pytest.mark.field_case("B4")
async def test_an_identity_with_a_space_connects_as_ocpp_has_it(csms: TinyCsms) -> None:
    code, _, err = await _run("RDAM 123", "1.6", csms.url, "--duration", "0.2", "--quiet")
    assert (code, err) == (0, "")


@pytest.mark.field_case("B4")
async def test_what_no_charge_point_may_be_called_is_refused_by_the_rule(csms: TinyCsms) -> None:
    code, _, err = await _run("50%", "1.6", csms.url)
    assert code == 2
    assert "identity_reserved" in err
