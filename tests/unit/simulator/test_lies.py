"""Lies: what is said instead of what is true, the same each time, and nothing that would be true of something else."""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import Any

import pytest

from simulator.clock import stamp
from simulator.connector import Transaction
from simulator.dialects import DIALECTS
from simulator.lies import clocks, registers, wording
from simulator.lies.catalogue import LIES, deal
from simulator.lies.liar import Liar
from simulator.lies.lie import Kind
from simulator.lies.message import BEGIN, END, ENERGY, Change, Message
from simulator.transport import Endpoint

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LIFE_WH = 4_076_000
Json = dict[str, Any]


def sample(version: str, wh: int, context: str) -> Json:
    value: Json = {"measurand": ENERGY, "context": context, "location": "Outlet"}
    if version == "1.6":
        return value | {"value": str(wh), "unit": "Wh"}
    return value | {"value": wh, "unitOfMeasure": {"unit": "Wh"}}


def values(version: str, wh: int, context: str = "Sample.Periodic") -> list[Json]:
    power: Json = {"measurand": "Power.Active.Import", "context": context, "location": "Outlet"}
    power |= {"value": "50000", "unit": "W"} if version == "1.6" else {"value": 50_000, "unitOfMeasure": {"unit": "W"}}
    return [{"timestamp": stamp(T0), "sampledValue": [sample(version, wh, context), power]}]


def event(kind: str, wh: int, context: str) -> Json:
    return {
        "eventType": kind,
        "timestamp": stamp(T0),
        "seqNo": 3,
        "transactionInfo": {"transactionId": "T", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "CARD", "type": "ISO14443"},
        "meterValue": values("2.0.1", wh, context),
    }


MESSAGES: dict[str, tuple[str, Json]] = {
    "start 1.6": (
        "StartTransaction",
        {"connectorId": 1, "idTag": "CARD", "meterStart": _LIFE_WH, "timestamp": stamp(T0)},
    ),
    "reading 1.6": (
        "MeterValues",
        {"connectorId": 1, "transactionId": 7, "meterValue": values("1.6", _LIFE_WH + 100)},
    ),
    "stop 1.6": (
        "StopTransaction",
        {"transactionId": 7, "idTag": "CARD", "meterStop": _LIFE_WH + 250, "timestamp": stamp(T0)},
    ),
    "start 2.0.1": ("TransactionEvent", event("Started", _LIFE_WH, BEGIN)),
    "reading 2.0.1": ("TransactionEvent", event("Updated", _LIFE_WH + 100, "Sample.Periodic")),
    "stop 2.0.1": ("TransactionEvent", event("Ended", _LIFE_WH + 250, END)),
}


def lied(name: str, change: Change, seed: int = 1) -> Message:
    """A message after a lie."""
    action, payload = MESSAGES[name]
    transaction = Transaction(1, "CARD", _LIFE_WH, T0)
    message = Message(action, copy.deepcopy(payload), transaction, random.Random(seed))
    change(message)
    return message


def reported_wh(message: Message) -> list[int]:
    """Every register that a message tells."""
    edges = [message.payload[name] for name in ("meterStart", "meterStop") if name in message.payload]
    return [*edges, *(int(value["value"]) for _, value in message.energies())]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (registers.of_session, (_LIFE_WH, 100, _LIFE_WH + 250)),
        (registers.start_and_stop_of_session, (0, _LIFE_WH + 100, 250)),
        (registers.from_zero, (0, _LIFE_WH + 100, _LIFE_WH + 250)),
    ],
)
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_registers_of_the_session_and_of_the_meters_life_are_mixed_up(
    change: Change, expected: tuple[int, int, int], version: str
) -> None:
    found = [reported_wh(lied(f"{kind} {version}", change)) for kind in ("start", "reading", "stop")]
    assert found == [[wh] for wh in expected]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_without_registers_nothing_tells_energy_and_the_ledger_knows(version: str) -> None:
    for kind in ("start", "reading", "stop"):
        message = lied(f"{kind} {version}", registers.no_registers)
        assert reported_wh(message) == []
        assert message.unsaid
    assert "meterValue" in lied(f"reading {version}", registers.no_registers).payload


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_an_end_without_its_register_is_all_that_is_missing(version: str) -> None:
    assert lied(f"start {version}", registers.no_stop).unsaid == []
    message = lied(f"stop {version}", registers.no_stop)
    assert message.unsaid == ["meterStop" if version == "1.6" else "meterValue"]
    assert [wh for wh in reported_wh(message) if isinstance(wh, int)] == []


@pytest.mark.parametrize("name", ["reading 1.6", "reading 2.0.1"])
def test_the_register_at_the_start_stands_before_or_behind_the_one_that_is_read(name: str) -> None:
    orders = {tuple(reported_wh(lied(name, registers.begin_beside, seed))) for seed in range(20)}
    assert orders == {(_LIFE_WH, _LIFE_WH + 100), (_LIFE_WH + 100, _LIFE_WH)}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (clocks.behind, timedelta(hours=-1)),
        (clocks.without_zone, timedelta()),
        (
            lambda _: clocks.since_power_up([T0 - timedelta(seconds=90)]),
            datetime(1970, 1, 1, 0, 1, 30) - T0.replace(tzinfo=None),
        ),
    ],
)
def test_a_wrong_clock_stamps_everything_alike(make: Callable[[random.Random], Change], expected: timedelta) -> None:
    message = lied("stop 2.0.1", make(random.Random(1)))
    stamps = {message.payload["timestamp"], message.payload["meterValue"][0]["timestamp"]}
    [text] = stamps
    offset = datetime.fromisoformat(text).replace(tzinfo=UTC) - T0
    assert abs(offset - expected) <= timedelta(seconds=90)


def test_a_clock_that_jumps_stamps_a_moment_the_same_whenever_it_is_told() -> None:
    change = clocks.jumping(random.Random(1), T0 - timedelta(minutes=1))
    times = [T0 + timedelta(seconds=5 * number) for number in range(200)]

    def reported(time: datetime) -> str:
        message = Message("StatusNotification", {"timestamp": stamp(time)}, None, random.Random(1))
        change(message)
        return str(message.payload["timestamp"])

    first = [reported(time) for time in times]
    assert first == [reported(time) for time in times]
    offsets = {datetime.fromisoformat(text) - time for text, time in zip(first, times, strict=True)}
    assert offsets == {timedelta(), timedelta(minutes=75), timedelta(hours=-1)}


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_broken_is_never_what_says_which_session_it_is_and_whose(name: str) -> None:
    action, payload = MESSAGES[name]
    names = {"connectorId", "eventType", "timestamp", "seqNo", *(() if action == "MeterValues" else ("transactionId",))}
    kept = {one: payload[one] for one in names if one in payload}
    for seed in range(300):
        message = lied(name, wording.broken_parts, seed)
        assert {one: message.payload.get(one) for one in kept} == kept
        if "idToken" in payload:
            assert message.payload["idToken"]["idToken"] == "CARD"
            assert message.payload["transactionInfo"]["transactionId"] == "T"
        if action == "StartTransaction":
            assert message.payload["idTag"] == "CARD"


def test_a_message_of_which_nothing_is_left_to_break_is_told_as_it_is() -> None:
    bare = [{"timestamp": stamp(T0), "sampledValue": 7}]
    message = Message("MeterValues", {"connectorId": 1, "meterValue": bare}, None, random.Random(1))
    assert wording.broken_parts(message)
    assert message.payload["meterValue"] == bare


@pytest.mark.parametrize("name", MESSAGES)
def test_registers_that_are_not_noted_as_unsaid_are_told_as_they_are(name: str) -> None:
    true = reported_wh(lied(name, lambda _: False))
    for seed in range(300):
        message = lied(name, wording.broken_parts, seed)
        if not message.unsaid or message.unsaid == ["transactionId"]:
            assert reported_wh(message) == true
            assert [value.get("unit", "Wh") for _, value in message.energies()] == ["Wh"] * len([*message.energies()])


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize(
    "change", [wording.broken_parts, wording.doubles, wording.bad_characters, clocks.no_stamps(random.Random(1))]
)
def test_a_message_that_is_told_again_is_told_in_the_same_words(name: str, change: Change) -> None:
    for seed in range(20):
        once, again = (json.dumps(lied(name, change, seed).payload) for _ in range(2))
        assert once == again
        assert wording.spelled(f'[2,"a","X",{once}]').__class__ is wording.spelled(f'[2,"b","X",{again}]').__class__


def test_bad_characters_do_not_depend_on_the_id_of_a_message() -> None:
    texts = {
        wording.spelled(f'[2,"{number}","X",{{"note":"Z~bad~hler ~bad~","idTag":"A~nul~"}}]') for number in range(9)
    }
    assert all(isinstance(text, bytes) for text in texts)
    assert len({text.split(b",", 2)[2] for text in texts if isinstance(text, bytes)}) == 1


def test_doubles_are_the_same_numbers_with_a_fraction() -> None:
    text = json.dumps(lied("start 1.6", wording.doubles).payload)
    assert f'"meterStart": {_LIFE_WH}.0' in text
    assert '"connectorId": 1.0' in text


def test_all_lies_that_go_together_can_be_told_of_every_message_in_whatever_order_they_were_dealt() -> None:
    pairs = [pair for pair in permutations(LIES.values(), 2) if pair[0].kind is not pair[1].kind]
    for pair, protocol in product(pairs, ["1.6", "2.0.1"]):
        if not all(protocol in lie.protocols for lie in pair):
            continue
        station = DIALECTS[protocol]("CP", Endpoint("ws://nowhere"))
        liar = Liar(station, pair, random.Random(1), lambda _: None, neighbours_tag="OTHER")
        liar.note(Transaction(1, "CARD", _LIFE_WH, T0, key="T", stop_time=T0, meter_stop_wh=_LIFE_WH + 250))
        messages = [message for name, message in MESSAGES.items() if name.endswith(protocol)]
        for (action, payload), number in product(messages, range(4)):
            frame = [2, f"{number}", action, {**payload, "note": number}]
            reported = liar.telling_of(frame)
            assert reported == liar.telling_of(frame)
            assert reported.session == "T"
            liar.spelled(json.dumps(reported.frame))


def test_every_lie_is_dealt_out_in_every_version_that_can_tell_it() -> None:
    protocols = ["1.6", "2.0.1", "2.1"] * 100
    dealt = deal(list(LIES.values()), 0.4, protocols, random.Random(3))
    assert len(dealt) == 120
    reported = Counter((lie.name, protocols[number]) for number, lies in dealt.items() for lie in lies)
    assert set(reported) == {(lie.name, protocol) for lie in LIES.values() for protocol in lie.protocols}
    assert deal(list(LIES.values()), 0.4, protocols, random.Random(3)) == dealt
    for lies in dealt.values():
        assert len({lie.kind for lie in lies}) == len(lies) <= 2
        assert not ({"no-stamps"} <= {lie.name for lie in lies} and any(lie.kind is Kind.MEMORY for lie in lies))


def test_nobody_lies_where_no_lies_are_told() -> None:
    assert deal([], 1.0, ["1.6"] * 9, random.Random(1)) == {}


def test_each_lie_says_what_it_is_about() -> None:
    assert all(lie.about and not lie.about.endswith(".") for lie in LIES.values())
