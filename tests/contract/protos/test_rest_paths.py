from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from stack import openapi
from stack.descriptors import Binding, Contracts, bindings, field_path


def _bound(contracts: Contracts) -> list[tuple[MethodDescriptor, Binding]]:
    return [(method, binding) for method in contracts.methods for binding in bindings(method)]


def test_no_two_rpcs_share_verb_and_path(contracts: Contracts) -> None:
    assert len(_bound(contracts)) > 50
    openapi.refuse_clashes(contracts)


def test_every_path_variable_is_a_field_that_fits_into_a_path(contracts: Contracts) -> None:
    scalars = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64}
    for method, binding in _bound(contracts):
        for variable in binding.variables:
            field = field_path(method.input_type, variable)[-1]
            assert field.type in scalars, f"{method.full_name}: {variable}"
            assert not field.is_repeated, f"{method.full_name}: {variable}"


def test_every_body_names_a_message_of_the_request(contracts: Contracts) -> None:
    for method, binding in _bound(contracts):
        if binding.body not in ("", "*"):
            assert field_path(method.input_type, binding.body)[-1].message_type is not None, method.full_name


def test_reading_and_deleting_take_no_body_and_writing_takes_one(contracts: Contracts) -> None:
    for method, binding in _bound(contracts):
        assert bool(binding.body) == (binding.verb in ("post", "put", "patch")), f"{method.full_name} {binding.verb}"


def test_paths_are_lower_case_words_with_hyphens(contracts: Contracts) -> None:
    for method, binding in _bound(contracts):
        words = [part for part in binding.template.split("/") if not part.startswith("{")]
        assert all(word == word.lower() and "_" not in word for word in words), method.full_name


def test_every_update_can_be_put_and_patched(contracts: Contracts) -> None:
    updates = [method for method in contracts.methods if method.name.startswith("Update")]
    assert updates
    for method in updates:
        assert {binding.verb for binding in bindings(method)} == {"put", "patch"}, method.full_name
        assert len({binding.template for binding in bindings(method)}) == 1, method.full_name
