"""Which fields of a request a REST caller gives in the query string."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from stack.descriptors import Binding
from stack.openapi_schemas import is_open_message, is_scalar_message

FieldPath = tuple[FieldDescriptor, ...]


def query_parameters(request: Descriptor, binding: Binding) -> Iterator[FieldPath]:
    """Each field that the query can carry, as its path from the request; none where the body is the whole request."""
    if binding.body == "*":
        return
    elsewhere = {*binding.variables, *filter(None, [binding.body])}
    for path in _carried(request, ()):
        if not any(".".join(field.name for field in path[:end]) in elsewhere for end in range(1, len(path) + 1)):
            yield path


def _carried(message: Descriptor, above: FieldPath) -> Iterator[FieldPath]:
    """Everything that a query string can hold: no maps, no lists of messages."""
    for field in message.fields:
        inner = field.message_type
        if inner is None or is_scalar_message(inner):
            yield (*above, field)
        elif not (field.is_repeated or is_open_message(inner) or _contains_itself(inner, (*above, field))):
            yield from _carried(inner, (*above, field))


def _contains_itself(message: Descriptor, path: FieldPath) -> bool:
    return any(field.containing_type == message for field in path)
