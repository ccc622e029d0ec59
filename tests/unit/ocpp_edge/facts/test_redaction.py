"""Passwords do not reach the journal; everything else does, byte for byte."""

from typing import Any

import orjson
import pytest

from ocpp_edge.facts.redaction import redacted_exchange, redacted_frame, redacted_payload, sets_password
from services.kernel.redaction import MASK

SECRET = "0123456789abcdef"
VARIABLE = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}


@pytest.mark.parametrize(
    "payload",
    [
        {"key": "AuthorizationKey", "value": SECRET},
        {"key": "authorizationkey", "value": SECRET},
        {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": SECRET}]},
        {"setVariableData": [{**VARIABLE, "attributeValue": SECRET}]},
        {"getVariableResult": [{**VARIABLE, "attributeStatus": "Accepted", "attributeValue": SECRET}]},
        {"eventData": [{**VARIABLE, "actualValue": SECRET}]},
        {"reportData": [{**VARIABLE, "variableAttribute": [{"value": SECRET}, {"type": "Target", "value": SECRET}]}]},
        {"connectionData": {"basicAuthPassword": SECRET, "apn": {"apnPassword": SECRET}, "vpn": {"password": SECRET}}},
    ],
)
def test_a_password_is_masked(payload: dict[str, Any]) -> None:
    for frame in ([2, "1", "Any", payload], [3, "1", payload], [4, "1", "GenericError", "", payload]):
        masked = redacted_frame(orjson.dumps(frame))
        assert SECRET.encode() not in masked
        assert MASK.encode() in masked
        assert orjson.loads(masked)[:2] == frame[:2]


@pytest.mark.parametrize(
    "frame",
    [
        b'[2, "1", "ChangeConfiguration", {"key":"MeterValueSampleInterval","value":"60"}]',
        b"not even JSON",
        b"",
        b"\xff\xfe",
    ],
)
def test_a_frame_without_passwords_is_left_alone(frame: bytes) -> None:
    assert redacted_frame(frame) is frame


def test_what_stands_beside_a_password_is_kept() -> None:
    settings = [{"key": "AuthorizationKey", "value": SECRET}, {"key": "HeartbeatInterval", "value": "60"}]
    kept = orjson.loads(redacted_frame(orjson.dumps([3, "1", {"configurationKey": settings}])))
    assert kept[2]["configurationKey"][1] == settings[1]


def test_a_word_of_another_spelling_is_read_all_the_same() -> None:
    frame = rb'[2,"1","ChangeConfiguration",{"key":"Authorization\u004bey","value":"' + SECRET.encode() + b'"}]'
    assert SECRET.encode() not in redacted_frame(frame, "ChangeConfiguration")


def test_usual_frames_are_not_looked_into_without_a_reason() -> None:
    frame = b'[2,"1","MeterValues",{"connectorId":1}]'
    assert redacted_frame(frame, "MeterValues") is frame
    reported = b'[2,"1","MeterValues",{"customData":{"password":"' + SECRET.encode() + b'"}}]'
    assert SECRET.encode() not in redacted_frame(reported, "MeterValues")


def test_a_payload_as_text_is_the_same_whatever_its_order() -> None:
    reported = {"b": 1, "a": {"password": SECRET}}
    assert (
        redacted_payload(reported)
        == '{"a":{"password":"***"},"b":1}'
        == redacted_payload(dict(reversed(reported.items())))
    )


def test_an_answer_that_repeats_a_password_is_masked_as_well() -> None:
    request = orjson.dumps([2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": f'{SECRET}"x'}])
    answer = orjson.dumps([4, "1", "PropertyConstraintViolation", f'value {SECRET}"x is too short', {}])
    kept, kept_answer = redacted_exchange(request, answer, "ChangeConfiguration")
    assert SECRET not in (kept + kept_answer).decode()
    assert orjson.loads(kept_answer)[3] == "value *** is too short"
    usual = b'[2,"1","Heartbeat",{}]', b'[3,"1",{}]'
    assert redacted_exchange(*usual, "Heartbeat") == usual


NETWORK = {"component": {"name": "NetworkConfiguration", "instance": "1"}, "variable": VARIABLE["variable"]}


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}),
        ("ChangeConfiguration", {"key": "authorizationkey"}),
        ("SetVariables", {"setVariableData": [{}, {**VARIABLE, "attributeValue": SECRET}]}),
        ("SetVariables", {"setVariableData": [{**NETWORK, "attributeValue": SECRET}]}),
        ("SetNetworkProfile", {"configurationSlot": 1, "connectionData": {"basicAuthPassword": SECRET}}),
    ],
)
def test_what_sets_the_password_of_a_charge_point_is_recognized(action: str, payload: dict[str, Any]) -> None:
    assert sets_password(action, payload)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("ChangeConfiguration", {"key": "WifiPassword", "value": SECRET}),
        ("ChangeConfiguration", {}),
        ("GetConfiguration", {"key": ["AuthorizationKey"]}),
        ("SetVariables", {"setVariableData": [{"component": 1, "variable": {"name": "X"}}, 7]}),
        ("SetVariables", {"setVariableData": "AuthorizationKey"}),
        ("SetNetworkProfile", {"connectionData": {"messageTimeout": 1}}),
        ("SetNetworkProfile", {"connectionData": None}),
    ],
)
def test_what_does_not_set_it_goes_through(action: str, payload: dict[str, Any]) -> None:
    assert not sets_password(action, payload)


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"' + SECRET.encode(),
        b"[" * 900 + b'"password"' + b"]" * 900,
    ],
)
def test_what_may_hold_a_password_and_cannot_be_read_is_masked_whole(frame: bytes) -> None:
    assert redacted_frame(frame) == MASK.encode()
