"""Bytes to messages: every malformed frame has one answer, and none raises."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_edge.errors import MAX_DESCRIPTION, Fault
from ocpp_edge.frames import (
    MAX_DEPTH,
    MAX_FRAME_BYTES,
    MAX_MESSAGE_ID,
    Call,
    CallError,
    CallResult,
    CallResultError,
    FrameError,
    Send,
    encode_call,
    encode_error,
    encode_result,
    encode_result_error,
    parse,
)
from ocpp_edge.versions import Version

V16, V201, V21 = Version.V16, Version.V201, Version.V21


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'[2,"1","Heartbeat",{}]', Call("1", "Heartbeat", {})),
        (b' [ 2 , "1", "Heartbeat", {} ] ', Call("1", "Heartbeat", {})),
        (b'[3,"1",{"status":"Accepted"}]', CallResult("1", {"status": "Accepted"})),
        (b'[4,"1","GenericError","oh",{"a":1}]', CallError("1", "GenericError", "oh", {"a": 1})),
    ],
)
def test_a_message_is_understood_in_every_version(raw: bytes, expected: object) -> None:
    assert [parse(raw, version) for version in Version] == [expected] * 3


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'[4,"1","Weird"]', CallError("1", "Weird", "", {})),
        (b'[4,"1","",null,null]', CallError("1", "", "", {})),
        (b'[4,"1",null,"",""]', CallError("1", "", "", {})),
        (b'[4,"1","X","y",[1]]', CallError("1", "X", "y", {})),
    ],
)
def test_an_incomplete_error_still_ends_its_call(raw: bytes, expected: CallError) -> None:
    assert parse(raw, V16) == expected


def test_only_2_1_has_sends_and_result_errors() -> None:
    send, refusal = b'[6,"1","NotifyPeriodicEventStream",{}]', b'[5,"1","FormatViolation","bad",{}]'
    assert parse(send, V21) == Send("1", "NotifyPeriodicEventStream", {})
    assert parse(refusal, V21) == CallResultError("1", "FormatViolation", "bad", {})
    for version in (V16, V201):
        assert isinstance(parse(send, version), FrameError)
        assert isinstance(parse(refusal, version), FrameError)


@pytest.mark.parametrize(
    ("raw", "message_id", "fault", "answerable"),
    [
        (b"", "-1", Fault.FRAME, True),
        (b"hello", "-1", Fault.FRAME, True),
        (b"\xff\xfe\x00", "-1", Fault.FRAME, True),
        (b'[2,"a","B",{"x":"\xff"}]', "a", Fault.FRAME, True),
        (b"{}", "-1", Fault.FRAME, True),
        (b"[]", "-1", Fault.FRAME, True),
        (b"null", "-1", Fault.FRAME, True),
        (b'[2,"a","B",{}', "a", Fault.FRAME, True),
        (b'[2,"a","B",NaN]', "a", Fault.FRAME, True),
        (b'[2,"a","B"]', "a", Fault.FRAME, True),
        (b'[2,"a","B",{},{}]', "a", Fault.FRAME, True),
        (b'[2,"a",7,{}]', "a", Fault.FRAME, True),
        (b'[2,"a","",{}]', "a", Fault.FRAME, True),
        (b'[2,"","B",{}]', "-1", Fault.FRAME, True),
        (b'[2,7,"B",{}]', "-1", Fault.FRAME, True),
        (b'[2,null,"B",{}]', "-1", Fault.FRAME, True),
        (b'[2,"a","B",null]', "a", Fault.FORMAT, True),
        (b'[2,"a","B",[]]', "a", Fault.FORMAT, True),
        (b'[2,"a","B","{}"]', "a", Fault.FORMAT, True),
        (b'[9,"a",{}]', "a", Fault.MESSAGE_TYPE, True),
        (b'[true,"a","B",{}]', "-1", Fault.MESSAGE_TYPE, True),
        (b'["2","a","B",{}]', "-1", Fault.MESSAGE_TYPE, True),
        (b'[[2],"a","B",{}]', "-1", Fault.MESSAGE_TYPE, True),
        (b'[2,"a","B",{"x":"\\u0000"}]', "a", Fault.FRAME, True),
        (b'[3,"a"]', "a", Fault.FRAME, False),
        (b"[3,7,{}]", "-1", Fault.FRAME, False),
        (b'[3,"a",[]]', "a", Fault.FRAME, False),
        (b'[3,"a",{', "a", Fault.FRAME, False),
        (b'[4,"a"]', "a", Fault.FRAME, False),
        (b'[4,7,"GenericError","",{}]', "-1", Fault.FRAME, False),
    ],
)
def test_a_malformed_frame_is_named_and_answers_are_never_answered(
    raw: bytes, message_id: str, fault: Fault, answerable: bool
) -> None:
    error = parse(raw, V16)
    assert isinstance(error, FrameError)
    assert (error.message_id, error.fault, error.answerable) == (message_id, fault, answerable)


def test_a_malformed_send_is_never_answered() -> None:
    error = parse(b'[6,"a","B",null]', V21)
    assert isinstance(error, FrameError)
    assert not error.answerable


def test_an_escaped_backslash_before_u0000_is_plain_text() -> None:
    assert parse(b'[2,"a","B",{"x":"\\\\u0000"}]', V16) == Call("a", "B", {"x": "\\u0000"})


def test_ids_longer_than_the_specification_are_understood_up_to_a_bound() -> None:
    longest = "x" * MAX_MESSAGE_ID
    assert parse(encode_call(longest, "B", {}), V16) == Call(longest, "B", {})
    error = parse(encode_call(longest + "x", "B", {}), V16)
    assert isinstance(error, FrameError)
    assert error.message_id == "-1"


def test_depth_is_bounded_and_brackets_in_text_do_not_count() -> None:
    def nested(levels: int) -> bytes:
        return b'[2,"a","B",' + b'{"k":' * levels + b"1" + b"}" * levels + b"]"

    assert isinstance(parse(nested(MAX_DEPTH - 1), V16), Call)
    assert isinstance(parse(nested(MAX_DEPTH), V16), FrameError)
    assert isinstance(parse(nested(5000), V16), FrameError)
    assert isinstance(parse(encode_call("a", "B", {"k": "[{" * 500}), V16), Call)


def test_an_oversized_frame_is_answered_under_its_own_id() -> None:
    error = parse(encode_call("a", "B", {"k": "x" * MAX_FRAME_BYTES}), V16)
    assert isinstance(error, FrameError)
    assert (error.message_id, error.answerable) == ("a", True)


def test_our_frames_are_compact_and_descriptions_cut() -> None:
    assert encode_call("1", "Reset", {"type": "Soft"}) == b'[2,"1","Reset",{"type":"Soft"}]'
    assert encode_result("1", {}) == b'[3,"1",{}]'
    assert encode_error("1", "GenericError", "x" * 999) == b'[4,"1","GenericError","%s",{}]' % (b"x" * MAX_DESCRIPTION)
    assert encode_result_error("1", "FormatViolation", "") == b'[5,"1","FormatViolation","",{}]'


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(raw: bytes) -> None:
    for version in Version:
        parse(raw, version)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.sampled_from([2, 3, 4, 5, 6, "a", "", {}]) | _JSON, max_size=6))
def test_no_json_array_makes_the_parser_raise(message: list[object]) -> None:
    raw = orjson.dumps(message)
    for version in Version:
        parse(raw, version)
