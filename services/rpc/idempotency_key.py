"""The header `Idempotency-Key`, which says the same as the request id of a call.

As draft-ietf-httpapi-idempotency-key-header has it, a quoted string, or as most clients send it, without the quotes. A
call that takes no request id is not made idempotent by it: such a header changes nothing there.
"""

from collections.abc import Collection
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.kernel.errors import invalid

IDEMPOTENCY_KEY = "idempotency-key"
_HEADER = "Idempotency-Key"
_FIELD, _OPTIONS = "request_id", "options"
_LONGEST = 100


def read_key(request: Message, values: Collection[str]) -> None:
    """Take the header's `values` for the request id of `request`, so that a repeat may say it either way.

    Raises: INVALID_FIELD for a header that is empty, too long, sent twice, or says something else than the field.
    """
    place = _place(request.DESCRIPTOR)
    if place is None:
        return
    keys = {_unquoted(value) for value in values}
    if len(keys) > 1:
        raise invalid(_HEADER, "is sent with different values")
    [key] = keys
    if not 1 <= len(key) <= _LONGEST:
        raise invalid(_HEADER, f"must have 1 to {_LONGEST} characters")
    *above, path = place
    holder = getattr(request, above[0]) if above else request
    said = getattr(holder, _FIELD)
    if said and said != key:
        raise invalid(_HEADER, f"differs from {path}; give one of them, or the same")
    setattr(holder, _FIELD, key)


@cache
def _place(request: Descriptor) -> tuple[str, ...] | None:
    """The field that holds the one of the request id, if another does, and the path of that in JSON."""
    if _is_request_id(request.fields_by_name.get(_FIELD)):
        return ("requestId",)
    options = request.fields_by_name.get(_OPTIONS)
    if options is None or options.message_type is None:
        return None
    return (_OPTIONS, "options.requestId") if _is_request_id(options.message_type.fields_by_name.get(_FIELD)) else None


def _is_request_id(field: FieldDescriptor | None) -> bool:
    return field is not None and field.type == FieldDescriptor.TYPE_STRING


def _unquoted(value: str) -> str:
    text = value.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
