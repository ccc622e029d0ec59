"""Payloads through the one JSON type of protobuf and back."""

import json
from typing import Any

import pytest

from ocpp_edge.facts.structs import payload_of, payload_of_text, struct_of, text_of
from ocpp_edge.rpc.frames import encode_call
from services.kernel.errors import DomainError


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"text": "x", "yes": True, "no": False, "nothing": None},
        {"list": [1, "a", [2], {"b": 3}], "object": {"deep": {"deeper": []}}},
        {"fraction": 0.5},
    ],
)
def test_a_payload_survives(payload: dict[str, Any]) -> None:
    assert payload_of(struct_of(payload)) == payload


@pytest.mark.parametrize(("number", "expected"), [(1.0, 1), (42, 42), (-3.0, -3), (2**31, 2**31), (1.5, 1.5)])
def test_whole_numbers_come_back_whole(number: float, expected: float) -> None:
    came_back = payload_of(struct_of({"n": number}))["n"]
    assert (came_back, type(came_back)) == (expected, type(expected))


@pytest.mark.field_case("C5")
@pytest.mark.parametrize("number", [1e20, -1e20, 2.0**53 + 2, 1e308])
def test_numbers_beyond_what_a_double_holds_exactly_are_not_made_whole(number: float) -> None:
    came_back = payload_of(struct_of({"n": number}))
    assert (came_back["n"], type(came_back["n"])) == (number, float)
    assert encode_call("1", "A", came_back)


@pytest.mark.field_case("C5")
@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1e20}',
        '{"n":9007199254740993}',
        '{"n":123456789012345678901234567890}',
        '{"b":1.0,"a":1,"c":0.1, "d":1E+2}',
        '{"text":"\\u00e9\\"é"}',
        "{}",
    ],
)
def test_a_text_is_sent_as_it_is_written(text: str) -> None:
    payload = payload_of_text(text, "payload")
    assert encode_call("1", "A", payload) == f'[2,"1","A",{text}]'.encode()
    assert payload == json.loads(text) or "n" in payload


@pytest.mark.field_case("C5")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ('{"n": NaN}', "is not JSON"),
        ('{"n": "\\ud800"}', "is not JSON"),
        ("{'n': 1}", "is not JSON"),
        ("[]", "must be a JSON object"),
        ("1", "must be a JSON object"),
        ('{"a": [{"n": 1, "n": 2}]}', "n is given twice in one object"),
        ('{"a":' * 40 + "1" + "}" * 40, "must not be nested deeper than 32 levels"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "is not JSON"),
    ],
)
def test_a_text_that_is_no_single_object_is_refused(text: str, problem: str) -> None:
    with pytest.raises(DomainError) as refused:
        payload_of_text(text, "payload")
    [violation] = refused.value.violations
    assert (violation.field, problem in violation.description) == ("payload", True)


@pytest.mark.field_case("C5")
def test_an_answer_is_told_with_its_whole_numbers() -> None:
    assert text_of({"n": 9007199254740993, "m": 1.0, "x": "é"}) == '{"n":9007199254740993,"m":1.0,"x":"é"}'
