import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from csms.auth.v1 import access_pb2
from services.rpc.auth import DRIVER_ROLE, allows
from stack.descriptors import Contracts, access_rule, bindings, field_path

# What anybody may reach without a token, and nothing else.
OPEN_PATHS = {
    "GET /health",
    "GET /services",
    "GET /openapi.json",
    "GET /docs",
    "GET /analytics/dashboard.html",
    "GET /.well-known/jwks.json",
    "POST /auth/token",
}


def test_every_rpc_has_a_permission_or_is_public(contracts: Contracts) -> None:
    rules = {method.full_name: access_rule(method) for method in contracts.methods}
    assert len(rules) > 50
    assert [name for name, rule in rules.items() if rule is None or bool(rule.permission) == rule.public] == []


def test_a_permission_is_domain_noun_verb(contracts: Contracts) -> None:
    rules = [access_rule(method) for method in contracts.methods]
    permissions = {rule.permission for rule in rules if rule and rule.permission}
    assert [name for name in permissions if not re.fullmatch(r"[a-z_]+\.[a-z_]+\.[a-z_]+", name)] == []


def test_only_the_known_paths_are_open_to_anybody(contracts: Contracts) -> None:
    rules = [(method, access_rule(method)) for method in contracts.methods]
    open_methods = [method for method, rule in rules if rule and rule.public]
    assert {binding.shape for method in open_methods for binding in bindings(method)} == OPEN_PATHS
    assert all(bindings(method) for method in open_methods)


def test_internal_rpcs_have_no_rest_path_and_all_others_have_one(contracts: Contracts) -> None:
    for method in contracts.methods:
        rule = access_rule(method)
        internal = rule is not None and rule.permission.startswith("internal.")
        assert internal != bool(bindings(method)), method.full_name


def test_what_reads_is_called_read(contracts: Contracts) -> None:
    """A viewer holds every permission that ends in `.read`, so a verb that changes things must not be behind one."""
    changing = {"put", "patch", "delete"}
    for method in contracts.methods:
        rule = access_rule(method)
        if rule and rule.permission.endswith(".read"):
            assert not changing & {binding.verb for binding in bindings(method)}, method.full_name


def test_the_fields_that_narrow_drivers_exist_and_are_text(contracts: Contracts) -> None:
    narrowed = 0
    for method in contracts.methods:
        rule = access_rule(method)
        if rule is None:
            continue
        for message, path in (
            (method.input_type, rule.driver_request_field),
            (method.output_type, rule.driver_response_field),
        ):
            narrowed += bool(path)
            assert not path or _is_text(message, path), f"{method.full_name}: {path}"
    assert narrowed >= 10


@pytest.mark.field_case("C9")
def test_whatever_names_a_driver_is_narrowed_for_drivers(contracts: Contracts) -> None:
    """By the field of the request, which is set to the driver's own id, or by the owner that the answer names."""
    checked = 0
    for method in contracts.methods:
        rule = access_rule(method)
        if rule is None or rule.public or not allows(DRIVER_ROLE, rule.permission):
            continue
        named = [*_naming_drivers(method.input_type), *_naming_drivers(method.output_type)]
        checked += bool(named)
        assert not named or rule.driver_request_field or rule.driver_response_field, f"{method.full_name}: {named}"
    assert checked >= 10


def _naming_drivers(message: Descriptor, seen: tuple[Descriptor, ...] = ()) -> Iterator[str]:
    """The fields of a message, at any depth, that say to a driver which one is meant."""
    for field in message.fields:
        permission = field.GetOptions().Extensions[access_pb2.read_permission]
        if permission and not allows(DRIVER_ROLE, permission):
            continue
        if re.search(r"(^|_)driver_ids?$", field.name):
            yield field.full_name
        inner = field.message_type
        if inner is not None and inner.full_name == "csms.driver.v1.Driver":
            yield field.full_name
        elif inner is not None and inner not in seen:
            yield from _naming_drivers(inner, (*seen, inner))


def _is_text(message: Descriptor, path: str) -> bool:
    return field_path(message, path)[-1].type == FieldDescriptor.TYPE_STRING
