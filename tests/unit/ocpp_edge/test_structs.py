"""Payloads through the one JSON type of protobuf and back."""

from typing import Any

import pytest

from ocpp_edge.structs import payload_of, struct_of


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
