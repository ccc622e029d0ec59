"""Requests that somebody could send, and some that nobody should, to every operation: none gets an answer of 5xx.

`make fuzz` does the same by the OpenAPI document, for longer.
"""

import secrets
from typing import Any
from urllib.parse import quote, urlencode

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stack.descriptors import Contracts, access_rule, bindings
from stack.query_parameters import query_parameters
from tests.fixtures.messages import messages
from tests.fixtures.operations import Operation, operations
from tests.fixtures.properties import examples
from tests.fixtures.system import System

pytestmark = pytest.mark.field_case("C4")

OPERATIONS = operations()
RPCS = [method for method in Contracts.load().methods if bindings(method)]
BOUNDED = settings(max_examples=examples(2), suppress_health_check=list(HealthCheck))
# What a call may fail with, whatever was sent; UNAVAILABLE, UNKNOWN and INTERNAL are faults of ours.
ANSWERS = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "ABORTED",
    "FAILED_PRECONDITION",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def ids(system: System) -> list[str]:
    """Ids of things that exist."""
    tag = secrets.token_hex(4)
    bodies = {
        "/stations": {"name": tag, "chargePoints": [{"id": f"X{tag}"}]},
        "/drivers": {"name": tag},
        "/rfid-cards": {"idTag": tag},
        "/charging-sessions": {"idTag": tag},
    }
    return [f"X{tag}", "1", *(system.call("POST", path, body).data["id"] for path, body in bodies.items())]


@BOUNDED
@given(data=st.data())
def test_no_request_by_rest_is_answered_with_5xx(data: st.DataObject, system: System, ids: list[str]) -> None:
    operation = data.draw(st.sampled_from(OPERATIONS))
    path = operation.binding.template
    for variable in operation.binding.variables:
        named = data.draw(st.sampled_from(ids) | WORDS)
        path = path.replace("{" + variable + "}", quote(named, safe=""))
    query = {field[-1].json_name: data.draw(_written(field[-1])) for field in _some(data, operation)}
    body = None
    if operation.binding.body:
        body = json_format.MessageToJson(data.draw(messages(operation.body, operation.fields()))).encode()
    answer = system.call(operation.verb, f"{path}?{urlencode(query)}", body, role="admin")
    assert answer.status < 500, (operation, path, query, body, answer.text)


def _some(data: st.DataObject, operation: Operation) -> list[tuple[FieldDescriptor, ...]]:
    known = list(query_parameters(operation.method.input_type, operation.binding))
    return data.draw(st.lists(st.sampled_from(known), max_size=4)) if known else []


def _written(field: FieldDescriptor) -> st.SearchStrategy[str]:
    """A value as a query has it."""
    if field.enum_type is not None:
        return st.sampled_from([value.name for value in field.enum_type.values])
    if field.message_type is not None:
        return st.sampled_from(
            ["2026-01-31T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "90s", "0s"]
        )
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.sampled_from(["true", "false"])
    if field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64):
        return st.integers(-(2**31), 2**31 - 1).map(str)
    return st.floats().map(str) if field.type == FieldDescriptor.TYPE_DOUBLE else WORDS


@BOUNDED
@given(data=st.data())
def test_no_message_by_grpc_is_a_fault_of_ours(data: st.DataObject, system: System) -> None:
    method = data.draw(st.sampled_from([each for each in RPCS if not each.server_streaming]))
    request = data.draw(messages(method.input_type, wild=True))
    assert _outcome(system, method, request.SerializeToString()) in ANSWERS, (method.full_name, request)


@pytest.mark.parametrize(
    "garbage", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0b" * 200], ids=["tag", "length", "group"]
)
def test_bytes_that_are_no_message_are_no_fault_of_ours(garbage: bytes, system: System) -> None:
    for method in RPCS:
        rule = access_rule(method)
        assert rule is not None
        outcome = _outcome(system, method, garbage)
        assert outcome == "INVALID_ARGUMENT", method.full_name


def test_nothing_of_it_is_in_the_logs(system: System) -> None:
    for name in ("station", "driver", "billing", "monitoring", "transaction", "edge"):
        assert "Traceback" not in system.log(name)


def _outcome(system: System, method: MethodDescriptor, message: bytes) -> str:
    """The status of a call with these bytes, as an administrator."""
    metadata = (("authorization", f"Bearer {system.token('admin')}"),)
    path = f"/{method.containing_service.full_name}/{method.name}"
    with grpc.insecure_channel(f"127.0.0.1:{system.ports['gateway']}") as channel:
        made: Any = channel.unary_stream(path) if method.server_streaming else channel.unary_unary(path)
        try:
            answer = made(message, timeout=20, metadata=metadata)
            for each in answer if method.server_streaming else [answer]:
                GetMessageClass(method.output_type).FromString(each)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"
