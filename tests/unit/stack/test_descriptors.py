from pathlib import Path

import pytest

from stack import protos
from stack.descriptors import Binding, Contracts, access_rule, bindings, field_path, map_value
from tests.fixtures.contracts import compile_sample

SAMPLE = """
// Says things.
service SampleService {
  // Says it.
  // buf:lint:ignore RPC_RESPONSE_STANDARD_NAME
  rpc Say(SayRequest) returns (SayResponse) {
    option (google.api.http) = {
      put: "/things/{thing.id}"
      body: "thing"
      additional_bindings { patch: "/things/{thing.id}" body: "thing" }
    };
    option (csms.auth.v1.access) = {permission: "sample.things.write"};
  }
  rpc Listen(ListenRequest) returns (ListenResponse);
}
message SayRequest {
  // A thing.
  message Thing {
    // What it is.
    enum Kind {
      // Unknown.
      KIND_UNSPECIFIED = 0;
    }
    string id = 1; // Who it is.
    map<string, Kind> parts = 2;
  }
  Thing thing = 1;
}
message SayResponse {}
message ListenRequest {}
message ListenResponse {}
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Contracts:
    return compile_sample(tmp_path_factory.mktemp("sample"), SAMPLE)


def test_rpcs_are_listed_with_their_bindings_and_rules(sample: Contracts) -> None:
    say, listen = sample.methods
    assert bindings(say) == [
        Binding("put", "/things/{thing.id}", "thing"),
        Binding("patch", "/things/{thing.id}", "thing"),
    ]
    rule = access_rule(say)
    assert rule is not None
    assert rule.permission == "sample.things.write"
    assert (bindings(listen), access_rule(listen)) == ([], None)


def test_only_our_own_messages_are_listed_nested_ones_too(sample: Contracts) -> None:
    names = {message.full_name for message in sample.messages}
    assert "csms.sample.v1.SayRequest.Thing" in names
    assert not [name for name in names if name.startswith("google.") or name.endswith("PartsEntry")]
    assert "csms.sample.v1.SayRequest.Thing.Kind" in {enum.full_name for enum in sample.enums}


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        ("SampleService", "Says things."),
        ("SampleService.Say", "Says it."),
        ("SayRequest.Thing", "A thing."),
        ("SayRequest.Thing.id", "Who it is."),
        ("SayRequest.Thing.Kind", "What it is."),
        ("SayRequest.Thing.Kind.KIND_UNSPECIFIED", "Unknown."),
        ("SayRequest.thing", ""),
    ],
)
def test_comments_are_found_by_name_without_directives(sample: Contracts, name: str, comment: str) -> None:
    assert sample.comment(f"csms.sample.v1.{name}") == comment


def test_templates_that_differ_in_names_only_have_the_same_shape() -> None:
    assert Binding("get", "/a/{x}/b", "").shape == Binding("get", "/a/{other.name}/b", "").shape == "GET /a/*/b"
    assert Binding("get", "/a/{x=b/*}", "").shape == Binding("get", "/a/b/{y}", "").shape
    assert Binding("get", "/a/{x}", "").shape != Binding("put", "/a/{x}", "").shape


def test_a_path_of_fields_is_followed_into_messages(sample: Contracts) -> None:
    request = sample.message("csms.sample.v1.SayRequest")
    assert [field.name for field in field_path(request, "thing.id")] == ["thing", "id"]
    with pytest.raises(KeyError, match=r"csms\.sample\.v1\.SayRequest has no field thing\.id\.more"):
        field_path(request, "thing.id.more")


def test_a_map_is_told_from_a_list(sample: Contracts) -> None:
    thing = sample.message("csms.sample.v1.SayRequest.Thing").fields_by_name
    value = map_value(thing["parts"])
    assert value is not None
    assert value.enum_type is not None
    assert map_value(thing["id"]) is None


def test_a_missing_descriptor_set_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(protos.GenerationError, match="run `make protos`"):
        Contracts.load(tmp_path / "none.binpb")
