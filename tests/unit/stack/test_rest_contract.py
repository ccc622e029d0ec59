"""The table that Envoy checks REST requests by."""

import json
from pathlib import Path
from typing import Any

import pytest

from stack.rest_contract import UnknownTypeError, lua, rest_contract
from tests.fixtures.contracts import compile_sample

SERVICE = """
service ThingService {
  rpc UpdateThing(UpdateThingRequest) returns (UpdateThingResponse) {
    option (google.api.http) = {
      put: "/things/{thing_id}" body: "thing"
      additional_bindings { patch: "/things/{thing_id}" body: "thing" }
    };
  }
  rpc PokeThing(PokeThingRequest) returns (PokeThingResponse) {
    option (google.api.http) = {post: "/things/all/poke" body: "*"};
  }
  rpc WatchThings(WatchThingsRequest) returns (stream WatchThingsResponse) {
    option (google.api.http) = {get: "/things/{near.thing_id}"};
  }
  rpc Hidden(HiddenRequest) returns (HiddenResponse) {}
}
message UpdateThingRequest { string thing_id = 1; Thing thing = 2; google.protobuf.FieldMask update_mask = 3; }
message UpdateThingResponse {}
message PokeThingResponse {}
message Near { string thing_id = 1; int64 radius_m = 2; }
message WatchThingsRequest { Near near = 1; repeated Color colors = 2; }
message WatchThingsResponse {}
message HiddenRequest { google.protobuf.Struct anything = 1; }
message HiddenResponse {}
enum Color { COLOR_UNSPECIFIED = 0; LIGHT_BLUE = 1; }
message Thing {
  bytes blob = 1; map<string, Thing> parts = 2; repeated google.protobuf.Timestamp seen_times = 3; Color color = 4;
}
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    body = "message PokeThingRequest { google.protobuf.Struct poke = 1; string poke_json = 2; }"
    return rest_contract(compile_sample(tmp_path_factory.mktemp("sample"), SERVICE + body))


def test_operations_stand_at_their_paths_by_verb(table: dict[str, Any]) -> None:
    things = table["paths"]["literals"]["things"]
    assert set(things["variable"]["operations"]) == {"PUT", "PATCH", "GET"}
    assert set(things["literals"]["all"]["literals"]["poke"]["operations"]) == {"POST"}


def test_an_operation_says_what_path_query_and_body_tell(table: dict[str, Any]) -> None:
    operations = table["paths"]["literals"]["things"]["variable"]["operations"]
    assert operations["PUT"] == {
        "package": "sample",
        "in_path": {"thing_id": True, "thingId": True},
        "query": [{"name": "update_mask", "json": "updateMask", "kind": "text"}],
        "is_stream": False,
        "is_update": True,
        "body": "csms.sample.v1.Thing",
        "prefix": "thing.",
    }
    assert operations["GET"] == {
        "package": "sample",
        "in_path": {"near.thing_id": True, "near.thingId": True},
        "query": [
            {"name": "near.radius_m", "json": "near.radiusM", "kind": "int64"},
            {"name": "colors", "json": "colors", "kind": "enum", "of": "csms.sample.v1.Color", "is_list": True},
        ],
        "is_stream": True,
        "is_update": False,
    }


def test_types_are_described_once_even_when_they_hold_themselves(table: dict[str, Any]) -> None:
    assert table["types"]["csms.sample.v1.Thing"] == {
        "name": "Thing",
        "known": "blob, parts, seenTimes, color",
        "fields": [
            {"name": "blob", "json": "blob", "kind": "base64"},
            {"name": "parts", "json": "parts", "kind": "message", "of": "csms.sample.v1.Thing", "is_map": True},
            {"name": "seen_times", "json": "seenTimes", "kind": "time", "is_list": True},
            {"name": "color", "json": "color", "kind": "enum", "of": "csms.sample.v1.Color"},
        ],
    }
    assert table["types"]["csms.sample.v1.Color"] == {
        "names": {"COLORUNSPECIFIED": True, "LIGHTBLUE": True},
        "numbers": [0, 1],
        "choices": "LIGHT_BLUE",
    }


def test_any_json_goes_into_the_text_beside_it(table: dict[str, Any]) -> None:
    assert table["types"]["csms.sample.v1.PokeThingRequest"]["fields"] == [
        {"name": "poke", "json": "poke", "kind": "any", "verbatim": "poke_json"},
        {"name": "poke_json", "json": "pokeJson", "kind": "text"},
    ]


@pytest.mark.parametrize(
    "fields",
    [
        "google.protobuf.Struct poke = 1;",
        "google.protobuf.Struct poke = 1; bytes poke_json = 2;",
        "google.protobuf.Struct poke = 1; repeated string poke_json = 2;",
        "google.protobuf.Value poke = 1;",
        "google.protobuf.BoolValue poke = 1;",
    ],
)
def test_a_type_that_no_rule_is_known_for_is_named(fields: str, tmp_path: Path) -> None:
    contracts = compile_sample(tmp_path, SERVICE + f"message PokeThingRequest {{ {fields} }}")
    with pytest.raises(UnknownTypeError, match=r"csms\.sample\.v1\.PokeThingRequest\.poke: "):
        rest_contract(contracts)


def test_a_table_is_written_as_lua_writes_it(table: dict[str, Any]) -> None:
    value = {"a": [1, True, {"b.c": "x"}], "d": {}, "e": False}
    assert lua(value) == '{["a"] = {1, true, {["b.c"] = "x"}}, ["d"] = {}, ["e"] = false}'
    # Between the brackets of a long string of Lua, and as one line of YAML.
    assert lua(table).isascii()
    assert "]==]" not in lua(table)
    assert "\\" not in json.dumps(list(table["types"]))
