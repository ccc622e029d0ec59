"""What a REST caller may write in a body: what the contracts know, once, as JSON. All else is refused and named."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.edge.v1 import edge_service_pb2
from tests.contract.envoy.facade import Answer, Facade
from tests.contract.envoy.servicers import Health, Monitoring, Stations
from tests.contract.envoy.upstreams import Upstreams
from tests.fixtures.messages import messages
from tests.fixtures.operations import Operation, filled, holders, with_body
from tests.fixtures.properties import examples

pytestmark = pytest.mark.field_case("C1", "C4")

OPERATIONS = with_body()
SEND = "/connections/CP1/send"
# The servers of these tests keep no requests of these.
ANSWERED = {name for servicer in (Health, Monitoring, Stations) for name in vars(servicer)}
SEND_RPC = "/csms.edge.v1.EdgeService/SendOcppCall"


def violations(answer: Answer) -> list[tuple[str, str]]:
    """Field and description of each thing that is wrong."""
    found = [detail["fieldViolations"] for detail in answer.json["details"] if "fieldViolations" in detail]
    return [(each["field"], each["description"]) for each in found[0]] if found else []


def reason(answer: Answer) -> str:
    return str(answer.json["details"][0]["reason"])


def send(facade: Facade, operation: Operation, body: Any) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return facade.call("gateway", operation.verb, operation.path, body=content)


def test_there_are_operations_to_look_at() -> None:
    assert len(OPERATIONS) > 30
    assert {"post", "put", "patch"} == {operation.binding.verb for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_unknown_field_is_refused_and_named_wherever_it_stands(operation: Operation, facade: Facade) -> None:
    for place, body in holders(operation.body):
        refused = send(facade, operation, filled(body, {"colour": "red"}))
        assert refused.refusal[:2] == (400, 3), (place, refused.body)
        assert reason(refused) == "UNKNOWN_FIELD"
        [(field, description)] = violations(refused)
        assert field == f"{operation.prefix}{place}colour"
        assert "is no field of" in description
        assert f"{operation.prefix}{place}colour" in refused.json["message"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_names_are_known_in_both_spellings_and_in_no_other(operation: Operation, facade: Facade) -> None:
    for field in operation.fields():
        for name in {field.name, field.json_name}:
            assert send(facade, operation, {name.upper() + "_": None}).refusal[0] == 400
            answer = send(facade, operation, {name: 1 if field.type == FieldDescriptor.TYPE_BOOL else True})
            assert {place for place, _ in violations(answer)} <= {operation.prefix + field.json_name}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_field_of_the_wrong_kind_is_refused_and_named(operation: Operation, facade: Facade) -> None:
    for field in operation.fields():
        wrong: list[Any] = [{"x": {}}, [[]], 1.5, "\u2603"]
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            wrong.remove("\u2603")
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            wrong.remove(1.5)
        if field.message_type is not None and field.message_type.full_name == "google.protobuf.Struct":
            wrong.remove({"x": {}})
        for value in wrong:
            refused = send(facade, operation, {field.json_name: value})
            assert refused.refusal[:2] == (400, 3), (field.full_name, value)
            assert violations(refused)[0][0].startswith(operation.prefix + field.json_name), (is_map, value)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_field_is_given_once(operation: Operation, facade: Facade) -> None:
    for field in operation.fields():
        for first, second in ((field.json_name, field.json_name), (field.json_name, field.name)):
            body = b'{"%s": null, "%s": null}' % (first.encode(), second.encode())
            refused = send(facade, operation, body)
            assert (operation.prefix + field.json_name, "is given twice") in violations(refused)


def test_what_the_path_tells_is_not_told_by_the_body(facade: Facade) -> None:
    for name in ("chargePointId", "charge_point_id"):
        refused = facade.call("gateway", "POST", "/charge-points/CP1/reset", body={name: "CP2"})
        assert refused.refusal[:2] == (400, 3)
        assert (name, "is told by the path") in violations(refused)
    # It only has the name of what the path tells.
    taken = facade.call("gateway", "PUT", "/connectors/station/s1/3", body={"connectorId": 3})
    assert taken.status == 200


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"null", "an object is expected at byte 1"),
        (b"[]", "an object is expected at byte 1"),
        (b'"{}"', "an object is expected at byte 1"),
        (b"\xef\xbb\xbf{}", "an object is expected at byte 1"),
        (b"name=x", "an object is expected at byte 1"),
        (b"{", "a name in quotes is expected at byte 2"),
        (b"{'name':'x'}", "a name in quotes is expected at byte 2"),
        (b'{name:"x"}', "a name in quotes is expected at byte 2"),
        (b'{"name":"x",}', "a name in quotes is expected at byte 13"),
        (b'{"name" "x"}', "a colon is expected at byte 9"),
        (b'{"name":}', "a value is expected at byte 9"),
        (b'{"name":"x" "city":"y"}', "a comma or } is expected at byte 13"),
        (b'{"name":"x"}{', "nothing more is expected at byte 13"),
        (b'{"name":"x"', "a comma or } is expected at byte 12"),
        (b'{"name":"x', "a text does not end"),
        (b'{"name":"\x01"}', "a text does not end or holds a control character at byte 10"),
        (b'{"name":"\n"}', "a text does not end or holds a control character at byte 10"),
        (b'{"name":"\x00"}', "a text does not end or holds a control character at byte 10"),
        (b'{"name":"\\x41"}', "an escape is not known at byte 10"),
        (b'{"name":"\\u00g0"}', "an escape is not known at byte 10"),
        (b'{"latitude":NaN}', "a value is expected at byte 13"),
        (b'{"latitude":Infinity}', "a value is expected at byte 13"),
        (b'{"latitude":-Infinity}', "a value is expected at byte 13"),
        (b'{"latitude":+1}', "a value is expected at byte 13"),
        (b'{"latitude":.5}', "a value is expected at byte 13"),
        (b'{"latitude":5.}', "a comma or } is expected at byte 14"),
        (b'{"latitude":01}', "a number begins with 0 at byte 13"),
        (b'{"latitude":0x10}', "a comma or } is expected at byte 14"),
        (b'{"latitude":True}', "a value is expected at byte 13"),
        (b'{"latitude":nullx}', "a comma or } is expected at byte 17"),
        (b'{"connectors":[{}}', "a comma or ] is expected at byte 18"),
        (b'{"connectors":[,{}]}', "a value is expected at byte 16"),
        (b'{"x":' * 40 + b"1" + b"}" * 40, "nested more than 32 deep at byte 161"),
        (b'{"x":' + b"[" * 40, "nested more than 32 deep at byte 37"),
        (b'{"name":"x" /* why */}', "a comma or } is expected at byte 13"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: bytes, problem: str, facade: Facade) -> None:
    refused = facade.call("gateway", "POST", "/stations", body=text)
    assert refused.refusal[:2] == (400, 3)
    assert problem in refused.json["message"]
    assert reason(refused) == "UNREADABLE_REQUEST"


@pytest.mark.parametrize(
    ("body", "field", "description"),
    [
        ({"configuration": {"a": {}}}, "station.configuration[a]", "must be a text in quotes"),
        ({"configuration": {"a": 1}}, "station.configuration[a]", "must be a text in quotes"),
        ({"configuration": {"a": None}}, "station.configuration[a]", "must not be null"),
        ({"configuration": [{"key": "a", "value": "b"}]}, "station.configuration", "must be an object"),
        ({"connectors": {}}, "station.connectors", "must be a list"),
        ({"connectors": [None]}, "station.connectors[0]", "must be an object"),
        ({"connectors": [{}, []]}, "station.connectors[1]", "must be an object"),
        ({"connectors": [{"connectorId": 1.5}]}, "station.connectors[0].connectorId", "must be a whole number"),
        ({"connectors": [{"connectorId": "x"}]}, "station.connectors[0].connectorId", "must be a whole number"),
        ({"connectors": [{"connectorId": "0x1"}]}, "station.connectors[0].connectorId", "must be a whole number"),
        ({"connectors": [{"connectorId": 2**31}]}, "station.connectors[0].connectorId", "must be between"),
        ({"connectors": [{"maxPowerW": 1e19}]}, "station.connectors[0].maxPowerW", "must be a whole number"),
        ({"connectors": [{"maxPowerW": 2.0**60}]}, "station.connectors[0].maxPowerW", "must be a whole number"),
        ({"status": "OPEN"}, "station.status", "must be one of ACTIVE, INACTIVE, PLANNED"),
        ({"status": 77}, "station.status", "must be one of ACTIVE, INACTIVE, PLANNED"),
        ({"latitude": "NaN"}, "station.latitude", "must be a number"),
        ({"latitude": "Infinity"}, "station.latitude", "must be a number"),
        ({"latitude": "1e999"}, "station.latitude", "must be a number"),
        ({"latitude": "12,5"}, "station.latitude", "must be a number"),
        ({"createTime": {"seconds": 5}}, "station.createTime", "must be a time such as"),
        ({"createTime": "yesterday"}, "station.createTime", "must be a time such as"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_named(
    body: dict[str, Any], field: str, description: str, facade: Facade
) -> None:
    refused = facade.call("gateway", "POST", "/stations", body=body)
    assert refused.refusal[:2] == (400, 3)
    [(where, what)] = violations(refused)
    assert (where, description in what) == (field, True), what


def test_a_time_or_length_of_time_that_no_calendar_has_is_refused(facade: Facade) -> None:
    for body in ({"createTime": "2026-13-01T00:00:00Z"}, {"createTime": "99999-01-01T00:00:00Z"}):
        assert facade.call("gateway", "POST", "/stations", body=body).refusal[:2] == (400, 3)
    timeouts: list[Any] = ["5", "-", "1h", "s", "999999999999999s", 5, {}]
    for timeout in timeouts:
        body = {"action": "Reset", "timeout": timeout}
        assert facade.call("gateway", "POST", SEND, body=body).refusal[:2] == (400, 3)


def test_who_changes_a_thing_cannot_empty_it_by_null(facade: Facade) -> None:
    refused = facade.call("gateway", "PATCH", "/rfid-cards/c1", body={"expiryTime": None})
    [(field, description)] = violations(refused)
    assert (field, "updateMask" in description) == ("rfidCard.expiryTime", True)
    # Elsewhere it is the same as nothing, as proto3's JSON has it.
    assert facade.call("gateway", "POST", "/rfid-cards", body={"idTag": "A", "expiryTime": None}).status == 200


def test_very_many_things_that_are_wrong_are_told_by_twenty_and_a_number(facade: Facade) -> None:
    refused = facade.call("gateway", "POST", "/stations", body={f"k{number}": number for number in range(300)})
    assert len(violations(refused)) == 20
    assert refused.json["message"].endswith("and 297 more")
    assert refused.json["details"][0]["metadata"] == {"violationCount": "300"}
    assert len(refused.body) < 8_000
    lists = b'{"connectors":[' + b",".join([b"[]"] * 80_000) + b"]}"
    assert len(violations(facade.call("gateway", "POST", "/stations", body=lists))) == 20


def test_what_is_shown_of_a_name_is_short_and_utf_8(facade: Facade) -> None:
    refused = facade.call(
        "gateway",
        "POST",
        "/stations",
        body=b'{"gr\xc3\xb6\xc3\x9fe": 1, "\xff\xed\xa0\x80": 2, "%s": 3}' % (b"\xc3\xa4" * 99),
    )
    assert [field for field, _ in violations(refused)] == ["station.größe", "station.????", "station." + "ä" * 30]


def test_where_no_body_is_taken_none_is_dropped(facade: Facade) -> None:
    for verb, path in (("DELETE", "/drivers/d1"), ("GET", "/drivers")):
        refused = facade.call("gateway", verb, path, body=b'{"force": true}')
        assert refused.refusal[:2] == (400, 3)
        assert facade.call("gateway", verb, path, body=b" {} ").status == 200


@settings(max_examples=examples(3), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_the_contracts_know_arrives_as_it_was_written(
    data: st.DataObject, facade: Facade, behind: Upstreams
) -> None:
    operation = data.draw(st.sampled_from([each for each in OPERATIONS if each.method.name not in ANSWERED]))
    reported = data.draw(messages(operation.body, operation.fields()))
    written = json_format.MessageToJson(
        reported,
        preserving_proto_field_name=data.draw(st.booleans()),
        use_integers_for_enums=data.draw(st.booleans()),
        ensure_ascii=data.draw(st.booleans()),
        indent=data.draw(st.sampled_from([None, 2])),
    )
    answer = facade.call("gateway", operation.verb, operation.path, body=written.encode())
    assert answer.status == 200, (written, answer.body)
    request: Any = GetMessageClass(operation.method.input_type).FromString(behind.asked[operation.rpc])
    came = request if operation.binding.body == "*" else getattr(request, operation.binding.body)
    for variable in operation.binding.variables if operation.binding.body == "*" else ():
        came.ClearField(variable)
    assert came == reported


@pytest.mark.field_case("C5")
@pytest.mark.parametrize(
    "payload",
    [
        b'{"n": 1e20}',
        b'{"n":9007199254740993,"m":-9007199254740993}',
        b'{"n":123456789012345678901234567890}',
        b'{"a":0.1, "b":1.0, "c":1, "d":1E+2, "e":-0}',
        b'{ "z" : [1, 2.50, {"y":"\\u00e9\\"\\\\", "x":"\xc3\xa9"}] , "a":null}',
        b"{}",
    ],
)
def test_a_payload_arrives_character_by_character(payload: bytes, facade: Facade, behind: Upstreams) -> None:
    for body in (b'{"action":"A","payload":%s,"timeout":"5s"}', b'{"payload" : %s }', b'{"action":"A","payload":%s}'):
        assert facade.call("gateway", "POST", SEND, body=body % payload).status == 200
        request = edge_service_pb2.SendOcppCallRequest.FromString(behind.asked[SEND_RPC])
        assert request.payload_json == payload.decode()
        assert not request.HasField("payload")
        assert request.charge_point_id == "CP1"
        assert request.action == ("A" if b"action" in body else "")


@pytest.mark.field_case("C5")
def test_a_payload_is_one_object_in_one_form(facade: Facade) -> None:
    bodies: list[dict[str, Any]] = [
        {"payload": []},
        {"payload": 1},
        {"payload": "{}"},
        {"payload": {}, "payloadJson": "{}"},
    ]
    for body in bodies:
        assert facade.call("gateway", "POST", SEND, body=body).refusal[:2] == (400, 3)
    twice = facade.call("gateway", "POST", SEND, body=b'{"payload": {"a": [{"b": 1, "b": 2}]}}')
    assert violations(twice) == [("payload.a[0].b", "is given twice")]
