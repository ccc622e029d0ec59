"""What happens without a connection is told afterwards: in order, with its own times, and until it is taken."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from simulator.charge_point import ChargePoint
from simulator.charging import charge
from simulator.configuration import Role
from simulator.ledger import Ledger, read_ledger
from tests.contract.simulator.conftest import PLAN, MakeStation
from tests.fixtures.tiny_csms import TinyCsms


async def _offline(station: ChargePoint) -> None:
    station.link.pause()
    station.link.cut()
    while station.link.session is not None:
        await station.link.changed()


async def _online(station: ChargePoint) -> datetime:
    back = datetime.now(UTC)
    station.link.restore()
    await station.ready(10)
    await station.queue.drained()
    return back


async def test_a_whole_session_is_replayed_in_order_with_its_old_times(csms: TinyCsms, station16: ChargePoint) -> None:
    station16.configuration.assign(Role.SAMPLE_INTERVAL, "2")
    await _offline(station16)
    seen = len(csms.calls)
    await charge(station16, station16.connectors[1], "TAG", PLAN)
    assert len(csms.calls) == seen
    back = await _online(station16)
    replayed = [call for call in csms.calls[seen:] if call.action != "StatusNotification"]
    assert [call.action for call in replayed] == ["StartTransaction", *["MeterValues"] * 4, "StopTransaction"]
    assert {call.payload["transactionId"] for call in replayed[1:]} == {1}
    stamps = [call.payload.get("timestamp") or call.payload["meterValue"][0]["timestamp"] for call in replayed]
    assert all(earlier <= later for earlier, later in pairwise(stamps))
    assert datetime.fromisoformat(stamps[-1]) < back


async def test_a_16_session_replayed_newest_first_has_no_number_before_its_start(
    csms: TinyCsms, station16: ChargePoint
) -> None:
    station16.configuration.assign(Role.SAMPLE_INTERVAL, "4")
    await _offline(station16)
    seen = len(csms.calls)
    await charge(station16, station16.connectors[1], "TAG", PLAN)
    station16.queue.reverse()
    await _online(station16)
    replayed = [call for call in csms.calls[seen:] if call.action != "StatusNotification"]
    assert [call.action for call in replayed] == ["StopTransaction", *["MeterValues"] * 2, "StartTransaction"]
    assert [call.payload.get("transactionId") for call in replayed[:3]] == [-1, None, None]


async def test_events_of_a_201_session_say_that_they_were_offline(csms: TinyCsms, station201: ChargePoint) -> None:
    await _offline(station201)
    await charge(station201, station201.connectors[1], "TAG", PLAN)
    await _online(station201)
    events = csms.payloads("TransactionEvent")
    assert [each["seqNo"] for each in events] == list(range(len(events)))
    assert all(each["offline"] for each in events)


async def test_a_session_begun_online_is_finished_in_order_after_the_cut(
    csms: TinyCsms, station16: ChargePoint
) -> None:
    csms.ignore["StopTransaction"] = 1
    station16.spawn(_charge(station16))
    await csms.until(lambda: "StopTransaction" in csms.actions())
    await _offline(station16)
    assert len(station16.queue) == 1
    await _online(station16)
    first, second = csms.payloads("StopTransaction")
    assert first == second


async def test_a_known_card_that_was_refused_does_not_charge_offline(csms: TinyCsms, station16: ChargePoint) -> None:
    csms.tags["BAD"] = "Blocked"
    await station16.authorize("bad".upper())
    await _offline(station16)
    outcome = await charge(station16, station16.connectors[1], "BAD", PLAN)
    assert outcome.transaction is None
    station16.configuration.assign(Role.OFFLINE_AUTHORIZATION, "false")
    assert (await charge(station16, station16.connectors[1], "NEW", PLAN)).transaction is None


async def test_a_refused_message_is_sent_again_and_holds_back_the_others(
    csms: TinyCsms, station16: ChargePoint
) -> None:
    csms.refuse["StartTransaction"] = 2
    await charge(station16, station16.connectors[1], "TAG", PLAN)
    await station16.queue.drained()
    messages = [action for action in csms.actions() if action.endswith("Transaction")]
    assert messages == ["StartTransaction"] * 3 + ["StopTransaction"]
    assert csms.payloads("StopTransaction")[0]["transactionId"] == 1
    starts = csms.payloads("StartTransaction")
    assert starts[0] == starts[1] == starts[2]


async def test_an_unanswered_message_is_sent_again(csms: TinyCsms, station16: ChargePoint) -> None:
    csms.ignore["StartTransaction"] = 1
    await charge(station16, station16.connectors[1], "TAG", PLAN)
    await station16.queue.drained()
    ids = [call.message_id for call in csms.calls if call.action == "StartTransaction"]
    assert len(ids) == len(set(ids)) == 2
    assert csms.handshakes["CP001"] == 1


async def test_a_message_refused_too_often_is_given_up_and_the_stop_has_no_number(
    csms: TinyCsms, station16: ChargePoint
) -> None:
    station16.configuration.assign(Role.MESSAGE_ATTEMPTS, "2")
    csms.refuse["StartTransaction"] = 99
    await charge(station16, station16.connectors[1], "TAG", PLAN)
    await station16.queue.drained()
    assert csms.actions().count("StartTransaction") == 2
    assert csms.payloads("StopTransaction")[0]["transactionId"] == -1


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
async def test_the_ledger_holds_exactly_what_was_acknowledged(
    csms: TinyCsms, make_station: MakeStation, tmp_path: Path, protocol: str
) -> None:
    csms.refuse.update(StartTransaction=1, TransactionEvent=1)
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        station = make_station(protocol, sinks=(ledger.sink(protocol),))
        async with station.running():
            await station.ready(10)
            await charge(station, station.connectors[1], "TAG", PLAN)
            await station.queue.drained()
    entries = list(read_ledger(tmp_path / "ledger.jsonl"))
    refused = 1
    assert len(entries) == len(csms.calls) - refused
    by_id = {call.message_id: call.payload for call in csms.calls}
    assert all(entry.request == by_id[entry.message_id] for entry in entries)
    assert all(entry.latency_ms >= 0 for entry in entries)


async def _charge(station: ChargePoint) -> None:
    await charge(station, station.connectors[1], "TAG", PLAN)


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_message_without_an_answer_comes_again_under_the_same_id_if_that_is_the_stations_habit(
    csms: TinyCsms, station16: ChargePoint, keeps: bool
) -> None:
    station16.keeps_message_ids = keeps
    csms.ignore["StopTransaction"] = 1
    await charge(station16, station16.connectors[1], "TAG", PLAN)
    await station16.queue.drained()
    first, second = (call for call in csms.calls if call.action == "StopTransaction")
    assert first.payload == second.payload
    assert (first.message_id == second.message_id) is keeps
