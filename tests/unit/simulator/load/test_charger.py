"""What the chargers of a load run say: valid OCPP, always new, in the right proportions."""

import itertools
import json
from collections import Counter
from typing import Any

import pytest
from ocpp.messages import Call, get_validator

from simulator.load.charger import MIXES, Charger, Kind, TimestampCache
from simulator.load.dialects import LOAD_DIALECTS

_RESULTS = {
    "1.6": b'[3,"00000001",{"transactionId":2147483647,"idTagInfo":{"status":"%s"}}]',
    "2.0.1": b'[3,"00000001",{"idTokenInfo":{"status":"%s"}}]',
    "2.1": b'[3,"00000001",{"idTokenInfo":{"status":"%s"}}]',
}


def _charger(version: str, mix: str = "mixed", number: int = 0) -> Charger:
    return LOAD_DIALECTS[version]("LOAD00001", "LOAD00001", mix, number, TimestampCache())


def _validate(version: str, message: list[Any]) -> None:
    get_validator(Call.message_type_id, message[2], version).validate(message[3])


@pytest.mark.parametrize("version", LOAD_DIALECTS)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_message_keeps_to_the_official_schema(version: str, kind: Kind) -> None:
    charger = _charger(version)
    charger.say(Kind.START)
    charger.hear(Kind.START, _RESULTS[version] % b"Accepted")
    message = json.loads(charger.say(kind))
    assert message[:2] == [2, charger.message_id]
    _validate(version, message)


@pytest.mark.parametrize("version", LOAD_DIALECTS)
def test_no_two_messages_have_the_same_timestamp(version: str) -> None:
    charger = _charger(version)
    stamps = [json.loads(charger.say(Kind.STATUS))[3]["timestamp"] for _ in range(1_000)]
    assert len(set(stamps)) == 1_000
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("version", LOAD_DIALECTS)
@pytest.mark.parametrize("mix", MIXES)
def test_a_mix_never_stops_or_samples_what_was_not_started(version: str, mix: str) -> None:
    charger = _charger(version, mix, number=7)
    for _ in range(100):
        kind = charger.next()
        if kind in (Kind.STOP, Kind.METER_VALUES):
            assert charger.charging
        charger.say(kind)
        charger.hear(kind, _RESULTS[version] % b"Accepted")


def test_a_mixed_run_has_its_proportions() -> None:
    charger = _charger("1.6")
    charger.charging = True
    kinds: Counter[Kind] = Counter()
    for _ in range(200):
        kind = charger.next()
        kinds[kind] += 1
        charger.say(kind)
        charger.hear(kind, _RESULTS["1.6"] % b"Accepted")
    assert kinds == {Kind.METER_VALUES: 120, Kind.HEARTBEAT: 40, Kind.STATUS: 20, Kind.START: 10, Kind.STOP: 10}


def test_chargers_of_a_mixed_run_do_not_start_in_step() -> None:
    firsts = {_charger("1.6", "mixed", number).next() for number in range(20)}
    assert len(firsts) > 1


@pytest.mark.parametrize(
    ("mix", "charging", "errand"),
    [
        ("metervalues", False, Kind.START),
        ("metervalues", True, None),
        ("starts", True, Kind.STOP),
        ("starts", False, None),
        ("transaction", True, Kind.STOP),
        ("heartbeat", True, Kind.STOP),
        ("heartbeat", False, None),
    ],
)
def test_before_a_mix_begins_a_session_is_started_or_ended(mix: str, charging: bool, errand: Kind | None) -> None:
    charger = _charger("1.6", "status")
    charger.charging = charging
    charger.turn_to(mix)
    assert charger.errand() is errand


def test_a_transaction_by_2x_starts_is_updated_and_ends() -> None:
    charger = _charger("2.0.1", "transaction")
    kinds = []
    for _ in range(20):
        kinds.append(charger.next())
        charger.say(kinds[-1])
        charger.hear(kinds[-1], _RESULTS["2.0.1"] % b"Accepted")
    assert kinds == [Kind.START, *[Kind.METER_VALUES] * 8, Kind.STOP] * 2


@pytest.mark.parametrize("version", LOAD_DIALECTS)
def test_every_status_is_a_change_of_its_connector(version: str) -> None:
    charger = _charger(version, "status")
    reported = [json.loads(charger.say(Kind.STATUS))[3] for _ in range(6)]
    places = [each["connectorId"] if version == "1.6" else each["evseId"] for each in reported]
    assert places == [1, 2, 1, 2, 1, 2]
    status = "status" if version == "1.6" else "connectorStatus"
    for connector in (reported[::2], reported[1::2]):
        assert all(before[status] != after[status] for before, after in itertools.pairwise(connector))


@pytest.mark.parametrize("version", LOAD_DIALECTS)
def test_a_refused_tag_is_told_and_the_transaction_still_runs(version: str) -> None:
    charger = _charger(version)
    charger.say(Kind.START)
    assert charger.hear(Kind.START, _RESULTS[version] % b"Blocked") == "Blocked"
    assert charger.charging


def test_the_transaction_id_of_the_answer_is_used() -> None:
    charger = _charger("1.6")
    charger.say(Kind.START)
    charger.hear(Kind.START, _RESULTS["1.6"] % b"Accepted")
    assert json.loads(charger.say(Kind.METER_VALUES))[3]["transactionId"] == 2147483647


def test_events_of_a_transaction_are_numbered_without_gaps() -> None:
    charger = _charger("2.0.1")
    kinds = (Kind.START, Kind.METER_VALUES, Kind.METER_VALUES, Kind.STOP)
    assert [json.loads(charger.say(kind))[3]["seqNo"] for kind in kinds] == [0, 1, 2, 3]


def test_a_result_is_recognised_by_its_beginning() -> None:
    charger = _charger("1.6")
    charger.say(Kind.HEARTBEAT)
    assert b'[3,"00000001",{}]'.startswith(charger.result_begins)
    assert not b'[3,"00000002",{}]'.startswith(charger.result_begins)


def test_timestamps_are_formatted_to_the_millisecond() -> None:
    cache = TimestampCache()
    assert cache.stamp(1_735_689_600_007) == b"2025-01-01T00:00:00.007Z"
    assert cache.stamp(1_735_689_661_999) == b"2025-01-01T00:01:01.999Z"
