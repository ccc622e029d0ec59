import re

from google.protobuf.descriptor import Descriptor, FieldDescriptor

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


def _is_text(message: Descriptor, path: str) -> bool:
    return field_path(message, path)[-1].type == FieldDescriptor.TYPE_STRING
