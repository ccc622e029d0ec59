from pathlib import Path
from typing import Any

import pytest

from stack import openapi
from tests.fixtures.contracts import compile_sample

SAMPLE = """
// Keeps things.
service ThingService {
  // Lists things. The newest `page_size` first.
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse) {
    option (google.api.http) = {get: "/things"};
    option (csms.auth.v1.access) = {permission: "sample.things.read", driver_request_field: "owner_id"};
  }
  rpc CreateThing(CreateThingRequest) returns (CreateThingResponse) {
    option (google.api.http) = {post: "/things" body: "thing"};
    option (csms.auth.v1.access) = {permission: "sample.things.write"};
  }
  rpc UpdateThing(UpdateThingRequest) returns (UpdateThingResponse) {
    option (google.api.http) = {
      put: "/things/{thing_id}" body: "thing"
      additional_bindings { patch: "/things/{thing_id}" body: "thing" }
    };
    option (csms.auth.v1.access) = {permission: "sample.things.write"};
  }
  rpc DeleteThing(DeleteThingRequest) returns (DeleteThingResponse) {
    option (google.api.http) = {delete: "/things/{thing_id}"};
    option (csms.auth.v1.access) = {permission: "sample.things.write"};
  }
  rpc PokeThing(PokeThingRequest) returns (PokeThingResponse) {
    option (google.api.http) = {post: "/things/{thing_id}/poke" body: "*"};
    option (csms.auth.v1.access) = {public: true};
  }
  rpc WatchThings(WatchThingsRequest) returns (stream WatchThingsResponse) {
    option (google.api.http) = {get: "/things/watch"};
    option (csms.auth.v1.access) = {permission: "sample.things.read"};
  }
  rpc PrintThing(PrintThingRequest) returns (google.api.HttpBody) {
    option (google.api.http) = {get: "/things/{thing_id}/pdf"};
    option (csms.auth.v1.access) = {permission: "sample.things.read"};
  }
  rpc Hidden(HiddenRequest) returns (HiddenResponse) {
    option (csms.auth.v1.access) = {permission: "internal.things.read"};
  }
}
// A thing.
message Thing {
  string id = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
  string name = 2 [(google.api.field_behavior) = REQUIRED];
}
message Near { double latitude = 1; Near again = 2; }
message ListThingsRequest {
  int32 page_size = 1;
  string owner_id = 2;
  repeated string tags = 3;
  Near near = 4;
  google.protobuf.Timestamp since_time = 5;
  map<string, string> labels = 6;
  repeated Near places = 7;
  google.protobuf.Struct filter = 8;
}
message ListThingsResponse { repeated Thing things = 1 [json_name = "data"]; string next_page_token = 2; }
message CreateThingRequest { Thing thing = 1; string request_id = 2; }
// What was created.
message CreateThingResponse { Thing thing = 1 [json_name = "data"]; }
message UpdateThingRequest { string thing_id = 1; Thing thing = 2; google.protobuf.FieldMask update_mask = 3; }
message UpdateThingResponse { Thing thing = 1 [json_name = "data"]; }
message DeleteThingRequest { string thing_id = 1; }
message DeleteThingResponse {}
message PokeThingRequest { string thing_id = 1; int32 times = 2 [(google.api.field_behavior) = REQUIRED]; }
message PokeThingResponse { Thing thing = 1 [json_name = "data"]; }
message WatchThingsRequest {}
message WatchThingsResponse { Thing thing = 1; }
message PrintThingRequest { string thing_id = 1; }
message HiddenRequest {}
message HiddenResponse {}
"""
THING = {"$ref": "#/components/schemas/sample.v1.Thing"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return openapi.document(compile_sample(tmp_path_factory.mktemp("sample"), SAMPLE), "1.2.3")


def _operation(document: dict[str, Any], verb: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][verb]
    return found


def _parameters(document: dict[str, Any], verb: str, path: str, place: str) -> list[str]:
    return [each["name"] for each in _operation(document, verb, path).get("parameters", []) if each["in"] == place]


def test_only_rpcs_with_a_rest_binding_are_in_the_document(document: dict[str, Any]) -> None:
    assert {path: set(verbs) for path, verbs in document["paths"].items()} == {
        "/things": {"get", "post"},
        "/things/{thingId}": {"put", "patch", "delete"},
        "/things/{thingId}/poke": {"post"},
        "/things/watch": {"get"},
        "/things/{thingId}/pdf": {"get"},
    }
    assert document["info"]["version"] == "1.2.3"
    assert document["tags"] == [{"name": "ThingService", "description": "Keeps things."}]


def test_query_parameters_are_nested_by_dots_and_leave_out_what_a_query_cannot_carry(document: dict[str, Any]) -> None:
    names = _parameters(document, "get", "/things", "query")
    assert names == ["pageSize", "ownerId", "tags", "near.latitude", "sinceTime"]
    tags = _operation(document, "get", "/things")["parameters"][2]
    assert tags["schema"] == {"type": "array", "items": {"type": "string"}}


def test_a_body_that_is_one_field_leaves_the_others_to_the_query(document: dict[str, Any]) -> None:
    assert _operation(document, "post", "/things")["requestBody"]["content"]["application/json"]["schema"] == THING
    assert _parameters(document, "post", "/things", "query") == ["requestId"]
    assert _parameters(document, "patch", "/things/{thingId}", "path") == ["thingId"]
    assert _parameters(document, "patch", "/things/{thingId}", "query") == ["updateMask"]


def test_a_body_that_is_everything_leaves_out_what_the_path_says(document: dict[str, Any]) -> None:
    schema = _operation(document, "post", "/things/{thingId}/poke")["requestBody"]["content"]["application/json"]
    assert schema["schema"]["properties"].keys() == {"times"}
    assert schema["schema"]["required"] == ["times"]
    assert _parameters(document, "post", "/things/{thingId}/poke", "query") == []


@pytest.mark.parametrize(
    ("verb", "path", "code"),
    [
        ("get", "/things", "200"),
        ("post", "/things", "201"),
        ("put", "/things/{thingId}", "200"),
        ("delete", "/things/{thingId}", "204"),
        ("post", "/things/{thingId}/poke", "200"),
    ],
)
def test_success_has_the_code_that_the_facade_sends(document: dict[str, Any], verb: str, path: str, code: str) -> None:
    responses = _operation(document, verb, path)["responses"]
    assert responses.keys() == {code, "default"}
    assert responses["default"] == {"$ref": "#/components/responses/Error"}
    assert ("content" in responses[code]) == (code != "204")
    assert ("headers" in responses[code]) == (code == "201")


def test_a_stream_is_lines_of_json_or_server_sent_events(document: dict[str, Any]) -> None:
    content = _operation(document, "get", "/things/watch")["responses"]["200"]["content"]
    assert content.keys() == {"application/json", "text/event-stream"}


def test_a_document_has_the_type_that_the_path_ends_in(document: dict[str, Any]) -> None:
    assert _operation(document, "get", "/things/{thingId}/pdf")["responses"]["200"]["content"] == {
        "application/pdf": {}
    }


def test_only_public_operations_do_without_a_token(document: dict[str, Any]) -> None:
    assert document["security"] == [{"bearer": []}]
    assert _operation(document, "post", "/things/{thingId}/poke")["security"] == []
    assert "security" not in _operation(document, "get", "/things")


def test_comments_become_summary_and_description_in_the_words_of_json(document: dict[str, Any]) -> None:
    operation = _operation(document, "get", "/things")
    assert operation["summary"] == "Lists things"
    assert operation["description"] == (
        "Lists things. The newest `pageSize` first.\n\n"
        "Needs the permission `sample.things.read`. Drivers reach only what is their own."
    )


def test_each_binding_of_an_rpc_has_an_id_of_its_own(document: dict[str, Any]) -> None:
    path = document["paths"]["/things/{thingId}"]
    assert path["put"]["operationId"] == "ThingService_UpdateThing"
    assert path["patch"]["operationId"] == "ThingService_UpdateThing_2"


CLASH = """
service OneService { rpc A(ARequest) returns (AResponse) { option (google.api.http) = {get: "/things/{x}"}; } }
service TwoService { rpc B(BRequest) returns (BResponse) { option (google.api.http) = {get: "/things/{y}"}; } }
message ARequest { string x = 1; }
message AResponse {}
message BRequest { string y = 1; }
message BResponse {}
"""


def test_two_rpcs_with_the_same_verb_and_path_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(openapi.ContractError, match=r"GET /things/\*: csms\S+OneService\.A and csms\S+TwoService\.B"):
        openapi.document(compile_sample(tmp_path, CLASH), "1")


def test_a_binding_to_a_field_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    wrong = CLASH.replace("/things/{y}", "/others/{z}")
    with pytest.raises(openapi.ContractError, match=r"csms\S+TwoService\.B: csms\S+BRequest has no field z"):
        openapi.document(compile_sample(tmp_path, wrong), "1")
