from pathlib import Path
from typing import Any

import pytest

from stack.descriptors import Contracts
from stack.openapi_schemas import Schemas
from tests.fixtures.contracts import compile_sample

SAMPLE = """
// Everything at once; see `small_number`.
message Everything {
  // A number.
  int32 small_number = 1;
  uint32 count = 2;
  int64 energy_wh = 3;
  uint64 total = 4;
  double ratio = 5;
  bool on = 6;
  bytes blob = 7;
  repeated string names = 8;
  map<string, int64> totals = 9;
  google.protobuf.Timestamp create_time = 10;
  google.protobuf.Duration timeout = 11;
  google.protobuf.Struct payload = 12;
  google.protobuf.BoolValue maybe = 13;
  Color color = 14;
  Everything inner = 15;
  string secret = 16 [(google.api.field_behavior) = INPUT_ONLY];
  string id = 17 [(google.api.field_behavior) = OUTPUT_ONLY];
  string name = 18 [(google.api.field_behavior) = REQUIRED];
  oneof choice {
    // By text.
    string by_text = 19;
    int32 by_number = 20;
  }
  optional string note = 21;
}
// A color.
enum Color {
  // Not said.
  COLOR_UNSPECIFIED = 0;
  // As the
  // sky.
  BLUE = 1;
}
"""


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Contracts:
    return compile_sample(tmp_path_factory.mktemp("sample"), SAMPLE)


@pytest.fixture
def schemas(contracts: Contracts) -> dict[str, Any]:
    schemas = Schemas(contracts)
    schemas.reference(contracts.message("csms.sample.v1.Everything"))
    return schemas.components


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("smallNumber", {"type": "integer", "format": "int32", "description": "A number."}),
        ("count", {"type": "integer", "format": "int64", "minimum": 0, "maximum": 4294967295}),
        ("energyWh", {"type": "string", "format": "int64", "pattern": r"^-?\d+$"}),
        ("total", {"type": "string", "format": "uint64", "pattern": r"^\d+$"}),
        ("ratio", {"type": "number", "format": "double"}),
        ("on", {"type": "boolean"}),
        ("blob", {"type": "string", "contentEncoding": "base64"}),
        ("names", {"type": "array", "items": {"type": "string"}}),
        ("createTime", {"type": "string", "format": "date-time"}),
        ("payload", {"type": "object", "additionalProperties": True}),
        ("maybe", {"type": "boolean"}),
        ("color", {"$ref": "#/components/schemas/sample.v1.Color"}),
        ("inner", {"$ref": "#/components/schemas/sample.v1.Everything"}),
        ("secret", {"type": "string", "writeOnly": True}),
        ("id", {"type": "string", "readOnly": True}),
        ("note", {"type": "string"}),
    ],
)
def test_a_field_has_the_form_it_has_in_json(schemas: dict[str, Any], name: str, expected: dict[str, Any]) -> None:
    assert schemas["sample.v1.Everything"]["properties"][name] == expected


def test_a_map_is_an_object_of_its_values(schemas: dict[str, Any]) -> None:
    field = schemas["sample.v1.Everything"]["properties"]["totals"]
    assert field["type"] == "object"
    assert field["additionalProperties"]["format"] == "int64"


def test_required_fields_are_listed_and_comments_speak_json(schemas: dict[str, Any]) -> None:
    assert schemas["sample.v1.Everything"]["required"] == ["name"]
    assert schemas["sample.v1.Everything"]["description"] == "Everything at once; see `smallNumber`."


def test_a_choice_names_what_it_excludes(schemas: dict[str, Any]) -> None:
    properties = schemas["sample.v1.Everything"]["properties"]
    assert properties["byText"]["description"] == "By text.\n\nAt most one of this and `byNumber`."
    assert properties["byNumber"]["description"] == "At most one of this and `byText`."


def test_an_enum_is_its_names_with_what_each_means(schemas: dict[str, Any]) -> None:
    assert schemas["sample.v1.Color"] == {
        "type": "string",
        "enum": ["COLOR_UNSPECIFIED", "BLUE"],
        "description": "A color.\n\n- `COLOR_UNSPECIFIED`: Not said.\n- `BLUE`: As the sky.",
    }


@pytest.mark.field_case("C1")
def test_what_a_body_can_hold_has_no_other_fields(tmp_path: Path) -> None:
    rpc = 'rpc Put(Request) returns (Response) { option (google.api.http) = {post: "/x" body: "body"}; }'
    messages = "message Request { Body body = 1; } message Body { repeated Held held = 1; } message Held {}"
    contracts = compile_sample(
        tmp_path, f"service S {{ {rpc} }} {messages} message Response {{ Other other = 1; }} message Other {{}}"
    )
    schemas = Schemas(contracts)
    for name in ("Body", "Response"):
        schemas.reference(contracts.message(f"csms.sample.v1.{name}"))
    closed = {name for name, schema in schemas.components.items() if schema.get("additionalProperties") is False}
    assert closed == {"sample.v1.Body", "sample.v1.Held"}
