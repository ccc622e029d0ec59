import re
from collections import Counter

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from stack.descriptors import Contracts, behaviors, bindings

HTTP_BODY = "google.api.HttpBody"
MONEY = "google.type.Money"
# Their answers have a form that others have fixed: health for probes, tokens and keys by RFC 6749 and 7517.
FIXED_ANSWERS = {
    "csms.health.v1.HealthService.Check",
    "csms.identity.v1.IdentityService.IssueToken",
    "csms.identity.v1.IdentityService.GetJwks",
}
# Always complete: there are as many entries as there are services.
UNPAGED = {"csms.directory.v1.DirectoryService.ListServices"}
# The caller chooses the name, so that a repeat meets what the first call made.
NAMED_BY_CALLER = {"csms.identity.v1.IdentityService.CreateAccount", "csms.identity.v1.TenantService.CreateTenant"}
# Its charge point reports it as it is; an operator's change of it is a wish, and the last wish counts.
UNVERSIONED = {"csms.station.v1.Connector"}
EXACT_SUFFIXES = ("_wh", "_w", "_ma", "_mv", "_minor", "_seconds", "_percent")
FLOATS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def _lists(contracts: Contracts) -> list[MethodDescriptor]:
    found = [method for method in contracts.methods if method.name.startswith("List")]
    return [method for method in found if method.full_name not in UNPAGED]


def _fields(message: Descriptor) -> dict[str, FieldDescriptor]:
    return dict(message.fields_by_name)


def test_every_request_and_response_belongs_to_one_rpc_and_is_named_after_it(contracts: Contracts) -> None:
    used = Counter[str]()
    for method in contracts.methods:
        assert method.input_type.name == f"{method.name}Request"
        used[method.input_type.full_name] += 1
        if method.output_type.full_name != HTTP_BODY:
            assert method.output_type.name == f"{method.name}Response"
            used[method.output_type.full_name] += 1
    assert [name for name, count in used.items() if count > 1] == []


def test_rest_callers_find_every_answer_under_data(contracts: Contracts) -> None:
    checked = 0
    for method in contracts.methods:
        answer = method.output_type
        free_form = method.server_streaming or answer.full_name == HTTP_BODY or method.full_name in FIXED_ANSWERS
        if not bindings(method) or free_form or not answer.fields:
            continue
        checked += 1
        enveloped = [field for field in answer.fields if field.json_name == "data"]
        assert len(enveloped) == 1, method.full_name
        assert enveloped[0].name != "data", f"{method.full_name}: gRPC callers read the field by what it is"
    assert checked > 40


def test_only_what_is_deleted_or_closed_answers_with_nothing(contracts: Contracts) -> None:
    for method in contracts.methods:
        if bindings(method) and not method.output_type.fields:
            assert [binding.verb for binding in bindings(method)] == ["delete"], method.full_name


def test_lists_are_paged(contracts: Contracts) -> None:
    assert len(_lists(contracts)) > 10
    for method in _lists(contracts):
        request, answer = _fields(method.input_type), _fields(method.output_type)
        assert request["page_size"].type == FieldDescriptor.TYPE_INT32, method.full_name
        assert request["page_token"].type == FieldDescriptor.TYPE_STRING, method.full_name
        assert answer["next_page_token"].type == FieldDescriptor.TYPE_STRING, method.full_name
        assert answer["total_size"].type == FieldDescriptor.TYPE_INT32, method.full_name
        assert answer.keys() - {"next_page_token", "total_size"} == {f.name for f in answer.values() if f.is_repeated}


def test_creates_can_be_repeated_and_updates_can_name_fields(contracts: Contracts) -> None:
    for method in contracts.methods:
        request = _fields(method.input_type)
        if method.name.startswith("Create") and method.full_name not in NAMED_BY_CALLER:
            # Beside other options, where there are some.
            options = request["options"].message_type if "options" in request else None
            holder = request if options is None else _fields(options)
            assert holder["request_id"].type == FieldDescriptor.TYPE_STRING, method.full_name
        if method.name.startswith("Update"):
            mask = request["update_mask"].message_type
            assert mask is not None, method.full_name
            assert mask.full_name == "google.protobuf.FieldMask", method.full_name


def test_what_an_update_changes_tells_when_and_which_version(contracts: Contracts) -> None:
    for method in contracts.methods:
        if method.name.startswith("Update"):
            resource = next(f.message_type for f in method.output_type.fields if f.json_name == "data")
            assert resource is not None, method.full_name
            versioned = {"create_time", "update_time", "etag"} <= set(_fields(resource))
            assert versioned or resource.full_name in UNVERSIONED, resource.full_name


def test_energy_power_and_money_are_never_floating_point(contracts: Contracts) -> None:
    fields = [field for message in contracts.messages for field in message.fields]
    exact = [field for field in fields if field.name.endswith(EXACT_SUFFIXES)]
    assert len(exact) > 10
    assert [field.full_name for field in exact if field.type in FLOATS] == []


def test_money_has_one_shape(contracts: Contracts) -> None:
    fields = [field for message in contracts.messages for field in message.fields]
    assert sum(field.message_type is not None and field.message_type.full_name == MONEY for field in fields) > 10
    minor = [field for field in fields if re.search(r"minor(_units)?$", field.name)]
    # What events of a release before this one told.
    assert {field.full_name for field in minor if not field.GetOptions().deprecated} == set()


def test_what_is_called_a_time_is_a_timestamp(contracts: Contracts) -> None:
    fields = [field for message in contracts.messages for field in message.fields]
    times = [field for field in fields if re.search(r"(^|_)time(_from|_to)?$", field.name)]
    assert len(times) > 30
    kinds = {field.full_name: field.message_type.full_name if field.message_type else "" for field in times}
    assert [name for name, kind in kinds.items() if kind != "google.protobuf.Timestamp"] == []


def test_what_the_server_sets_is_marked(contracts: Contracts) -> None:
    for message in contracts.messages:
        names = _fields(message)
        if "etag" in names and not message.name.endswith("Request"):
            for name in ("create_time", "update_time"):
                assert field_behavior_pb2.OUTPUT_ONLY in behaviors(names[name]), f"{message.full_name}.{name}"


@pytest.mark.field_case("C18")
def test_every_stream_can_say_in_its_last_item_that_it_is_over_or_why_it_ends(contracts: Contracts) -> None:
    streams = [method for method in contracts.methods if method.server_streaming and bindings(method)]
    assert streams
    for method in streams:
        fields = _fields(method.output_type)
        assert fields["end"].type == FieldDescriptor.TYPE_BOOL, method.full_name
        error = fields["error"].message_type
        assert error is not None
        assert error.full_name == "csms.error.v1.StreamError", method.full_name
        assert fields["cursor"].type == FieldDescriptor.TYPE_STRING, method.full_name
        assert "cut" in contracts.comment(method.full_name), method.full_name


@pytest.mark.field_case("C10")
def test_what_callers_only_say_can_be_absent_from_an_answer(contracts: Contracts) -> None:
    """Envoy prints a field without presence as empty; the servers take the others out (services/rpc/fields.py)."""
    secrets = [
        field
        for message in contracts.messages
        for field in message.fields
        if field_behavior_pb2.INPUT_ONLY in behaviors(field)
    ]
    assert len(secrets) >= 3
    assert [field.full_name for field in secrets if not field.has_presence or field.is_repeated] == []


@pytest.mark.field_case("C10")
def test_no_answer_has_a_secret_that_is_not_marked(contracts: Contracts) -> None:
    answers: set[str] = set()
    for method in contracts.methods:
        if bindings(method):
            _add_fields(method.output_type, answers, set())
    suspects = {name for name in answers if re.search(r"password|secret|provider_token|pin$", name.rpartition(".")[2])}
    # Whether there is one, and that one was sent; neither says which.
    assert suspects == {"csms.station.v1.ChargePoint.has_password", "csms.transaction.v1.CommandBody.rotate_password"}


def _add_fields(message: Descriptor, found: set[str], seen: set[str]) -> None:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        if field_behavior_pb2.INPUT_ONLY not in behaviors(field):
            found.add(field.full_name)
        if field.message_type is not None:
            _add_fields(field.message_type, found, seen)
