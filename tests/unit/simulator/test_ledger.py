"""The ledger: what was acknowledged, and only that, survives on disk."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.ledger import Acknowledgement, Ledger, from_json, read_ledger
from simulator.transport import Direction, Frame, FrameSink

_SENT = datetime(2025, 1, 1, tzinfo=UTC)


def _frame(direction: Direction, message: object, milliseconds: int = 0) -> Frame:
    text = message if isinstance(message, str) else json.dumps(message)
    return Frame("CP1", direction, _SENT + timedelta(milliseconds=milliseconds), text)


def _exchange(sink: FrameSink, message_id: str, action: str, answer: object = None) -> None:
    sink(_frame(Direction.SENT, [2, message_id, action, {"n": message_id}]))
    sink(_frame(Direction.RECEIVED, [3, message_id, answer or {}], 25))


def test_a_call_and_its_result_become_one_entry(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        _exchange(ledger.sink("1.6"), "1", "StartTransaction", {"transactionId": 7})
    [entry] = read_ledger(tmp_path / "ledger.jsonl")
    assert entry == Acknowledgement(
        "CP1",
        "1.6",
        "1",
        "StartTransaction",
        {"n": "1"},
        {"transactionId": 7},
        _SENT,
        _SENT + timedelta(milliseconds=25),
    )
    assert entry.latency_ms == 25


@pytest.mark.parametrize(
    "answer",
    [
        [4, "1", "InternalError", "", {}],
        [3, "another", {}],
        [2, "1", "Reset", {}],
        "no json",
        "3",
    ],
)
def test_what_is_no_result_of_the_call_is_no_acknowledgement(tmp_path: Path, answer: object) -> None:
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        sink = ledger.sink("1.6")
        sink(_frame(Direction.SENT, [2, "1", "StartTransaction", {}]))
        sink(_frame(Direction.RECEIVED, answer))
    assert list(read_ledger(tmp_path / "ledger.jsonl")) == []


def test_answers_to_commands_are_not_entered(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        sink = ledger.sink("1.6")
        sink(_frame(Direction.RECEIVED, [2, "1", "Reset", {}]))
        sink(_frame(Direction.SENT, [3, "1", {"status": "Accepted"}]))
        assert ledger.entries == 0


def test_charge_points_that_use_the_same_ids_do_not_mix(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        first, second = ledger.sink("1.6"), ledger.sink("2.0.1")
        first(_frame(Direction.SENT, [2, "1", "Heartbeat", {}]))
        _exchange(second, "1", "Authorize")
        first(_frame(Direction.RECEIVED, [3, "1", {}]))
    entries = [(entry.protocol, entry.action) for entry in read_ledger(tmp_path / "ledger.jsonl")]
    assert entries == [("2.0.1", "Authorize"), ("1.6", "Heartbeat")]


def test_a_ledger_is_continued(tmp_path: Path) -> None:
    for message_id in ("1", "2"):
        with Ledger(tmp_path / "ledger.jsonl") as ledger:
            _exchange(ledger.sink("1.6"), message_id, "Heartbeat")
    assert [entry.message_id for entry in read_ledger(tmp_path / "ledger.jsonl")] == ["1", "2"]


def test_half_a_line_of_a_killed_process_is_left_out_and_not_glued_to_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        _exchange(ledger.sink("1.6"), "1", "Heartbeat")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"chargePointId":"CP1","prot')
    assert [entry.message_id for entry in read_ledger(path)] == ["1"]
    with Ledger(path) as ledger:
        _exchange(ledger.sink("1.6"), "2", "Heartbeat")
    assert [entry.message_id for entry in read_ledger(path)] == ["1", "2"]


@pytest.mark.parametrize("line", ["{}", "[]", "null", "nonsense", '{"chargePointId": 1}'])
def test_a_line_that_is_no_entry_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(line)
