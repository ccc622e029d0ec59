"""Bytes to messages: every malformed frame has one answer, and none raises."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc import frames
from ocpp_edge.rpc.errors import MAX_DESCRIPTION, Fault
from ocpp_edge.rpc.frames import (
    BAD_CHARACTERS,
    MAX_DEPTH,
    MAX_FRAME_BYTES,
    MAX_MESSAGE_ID,
    NESTED_TOO_DEEP,
    Call,
    CallError,
    CallResult,
    CallResultError,
    FrameError,
    Parsed,
    Send,
    encode_call,
    encode_error,
    encode_result,
    encode_result_error,
)
from ocpp_edge.versions import Version

V16, V201, V21 = Version.V16, Version.V201, Version.V21


def parse(raw: bytes, version: Version) -> Parsed:
    return frames.parse(raw, version, Forgiving())


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
        (b"{}", "-1", Fault.FRAME, True),
        (b"[]", "-1", Fault.FRAME, True),
        (b"null", "-1", Fault.FRAME, True),
        (b'[2,"a","B",{}', "a", Fault.FRAME, True),
        (b'[2,"a","B",NaN]', "a", Fault.FORMAT, True),
        (b"[2,'a','B',{}]", "-1", Fault.FRAME, True),
        (b'[2,"a","B",{"x":1,}]', "a", Fault.FRAME, True),
        (b'[2,"a","B"]', "a", Fault.FRAME, True),
        (b'[2,"a","B",{},{}]', "a", Fault.FRAME, True),
        (b'[2,"a",7,{}]', "a", Fault.FRAME, True),
        (b'[2,"a","",{}]', "a", Fault.FRAME, True),
        (b'[2,1.5,"B",{}]', "-1", Fault.FRAME, True),
        (b'[2,true,"B",{}]', "-1", Fault.FRAME, True),
        (b'[2,null,"B",{}]', "-1", Fault.FRAME, True),
        (b'[2,"a","B",null]', "a", Fault.FORMAT, True),
        (b'[2,"a","B",[]]', "a", Fault.FORMAT, True),
        (b'[2,"a","B","{}"]', "a", Fault.FORMAT, True),
        (b'[9,"a",{}]', "a", Fault.MESSAGE_TYPE, True),
        (b'[true,"a","B",{}]', "-1", Fault.MESSAGE_TYPE, True),
        (b'["2","a","B",{}]', "-1", Fault.MESSAGE_TYPE, True),
        (b'[[2],"a","B",{}]', "-1", Fault.MESSAGE_TYPE, True),
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


def nested(levels: int) -> bytes:
    return b'[2,"a","B",' + b'{"k":' * levels + b"1" + b"}" * levels + b"]"


def test_depth_is_bounded_and_brackets_in_text_do_not_count() -> None:
    assert parse(nested(MAX_DEPTH - 1), V16).flags == ()  # type: ignore[union-attr]  # a FrameError has none
    assert parse(encode_call("a", "B", {"k": "[{" * 500}), V16) == Call("a", "B", {"k": "[{" * 500})


@pytest.mark.field_case("A2")
@pytest.mark.parametrize(("levels", "rest"), [(MAX_DEPTH, '{"k":1}'), (MAX_DEPTH + 1, '{"k":{"k":1}}'), (950, None)])
def test_what_is_nested_too_deep_is_kept_as_a_text(levels: int, rest: str | None) -> None:
    call = parse(nested(levels), V16)
    assert isinstance(call, Call)
    assert call.flags == (NESTED_TOO_DEEP,)
    inside: object = call.payload
    for _ in range(MAX_DEPTH - 1):
        assert isinstance(inside, dict)
        inside = inside["k"]
    assert isinstance(inside, str)
    assert rest in (None, inside)


def test_what_is_nested_without_end_is_no_json() -> None:
    assert isinstance(parse(nested(5000), V16), FrameError)


@pytest.mark.field_case("B5")
@pytest.mark.parametrize("number", [0, 7, -3, 2**63])
def test_an_id_that_was_sent_as_a_number_comes_back_as_one(number: int) -> None:
    call = parse(b'[2,%d,"B",{}]' % number, V16)
    assert call == Call(str(number), "B", {})
    assert isinstance(call, Call)
    assert encode_result(call.message_id, {}) == b"[3,%d,{}]" % number
    assert encode_error(call.message_id, "X", "") == b'[4,%d,"X","",{}]' % number


@pytest.mark.field_case("B5")
def test_an_empty_id_is_an_id() -> None:
    assert parse(b'[2,"","B",{}]', V16) == Call("", "B", {})


@pytest.mark.field_case("B2")
@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"CARD\x00\x00"', "CARD"),
        (b'"CA\x01R\x1fD"', "CARD"),
        (b'"two\nlines\tand tabs"', "two\nlines\tand tabs"),
        (b'"CARD\\u0000"', "CARD"),
        (b'"\\\\u0000\\u0000"', "\\u0000"),
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\ude00 \\ud83d\\ude00"', "\ufffd \U0001f600"),
        (b'"\xff"', "\ufffd"),
        (b'"C:\\Users\\x"', "C:\\Users\\x"),
        (b'"\\\\\\q\\n\\u12"', "\\\\q\n\\u12"),
        (b'"Lades\xe4ule"', "Lades\ufffdule"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (b'"\xf0\x9f\x98"', "\ufffd"),
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b"1e999", "1e999"),
    ],
)
@pytest.mark.parametrize("version", Version)
def test_a_bad_character_never_costs_the_frame(version: Version, raw: bytes, text: str) -> None:
    for frame in (b'[2,"a","B",{"x":%b}]', b'[2,"a","B",{"x":%b}]\x00\x00', b'\xef\xbb\xbf[2,"a","B",{"x":%b}]'):
        assert parse(frame % raw, version) == Call("a", "B", {"x": text}, (BAD_CHARACTERS,))
    assert parse(b'[3,"a",{"x":%b}]' % raw, version) == CallResult("a", {"x": text}, (BAD_CHARACTERS,))
    code = raw if raw.startswith(b'"') else b'"%b"' % raw
    assert parse(b'[4,"a",%b]' % code, version) == CallError("a", text, "", {})


@pytest.mark.field_case("B2")
@pytest.mark.parametrize(
    "raw",
    [
        b'[2,"a","B",{}]\x00',
        b'[2,"a","B",{}]\x00\x00rest of the frame before"}]',
        b'\xef\xbb\xbf[2,"a","B",{}]',
        b'\xef\xbb\xbf[2,"a","B",{}]\x00',
        b'\x00[2,"a","B",{}]',
        b'[2,"a\x00","B\x00",{}]',
        b'[2,"a\\u0000","B",{}]',
        b'[2,\x00"a","B"\x02,{}]',
    ],
)
def test_a_bad_character_around_the_words_never_costs_the_frame(raw: bytes) -> None:
    assert parse(raw, V201) == Call("a", "B", {}, (BAD_CHARACTERS,))


@pytest.mark.field_case("B2")
def test_bad_characters_in_names_go_as_well_and_numbers_stay_what_they_are() -> None:
    raw = b'[2,"a","B",{"k\x00":[1,-2,3.5,18446744073709551616,true,null]}]'
    assert parse(raw, V16) == Call("a", "B", {"k": [1, -2, 3.5, 2.0**64, True, None]}, (BAD_CHARACTERS,))


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
