"""services.rpc.flags"""

from typing import Any

from csms.fact.v1.doubt_pb2 import Doubt
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from services.rpc.flags import flag_fields, read_flags, write_flags

NEWER: Any = 4242


def test_flags_come_back_as_they_were_and_paths_stand_apart() -> None:
    texts = ("time_missing", "coerced:timestamp", "dropped:meterStop", "coerced:a.b[2]", "clock_corrected")
    message = TransactionEvent(**flag_fields(texts)._asdict())
    assert list(message.flags) == [Doubt.TIME_MISSING, Doubt.COERCED, Doubt.DROPPED, Doubt.CLOCK_CORRECTED]
    assert (list(message.coerced_paths), list(message.dropped_paths)) == (["timestamp", "a.b[2]"], ["meterStop"])
    assert sorted(read_flags(message)) == sorted(texts)
    shown = Transaction()
    write_flags(read_flags(message), shown)
    assert (set(shown.flags), shown.coerced_paths) == (set(message.flags), message.coerced_paths)


def test_a_message_without_flags_has_none() -> None:
    write_flags((), message := Transaction())
    assert message == Transaction()
    assert read_flags(message) == ()


def test_a_flag_of_a_newer_edge_is_kept_and_shown_by_its_number() -> None:
    newer = TransactionEvent.FromString(TransactionEvent(flags=[NEWER, Doubt.TIME_MISSING]).SerializeToString())
    texts = read_flags(newer)
    assert texts == ("4242", "time_missing")
    write_flags(texts, shown := Transaction())
    assert list(shown.flags) == [NEWER, Doubt.TIME_MISSING]


def test_a_text_of_a_newer_release_is_unspecified_and_no_failure() -> None:
    assert flag_fields(["a_flag_of_tomorrow", "another"]).flags == [Doubt.FLAG_UNSPECIFIED]
    assert flag_fields(["9" * 30, "-1", "\u00b2"]).flags == [Doubt.FLAG_UNSPECIFIED]
