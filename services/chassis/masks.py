"""Which fields an update changes: those its mask names, or without a mask those its body carries.

Does not know what the fields mean, nor write anything but messages.
"""

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from services.kernel.errors import DomainError, ErrorKind, FieldViolation

_EVERYTHING = "*"


def updated_fields(body: Message, mask: FieldMask, updatable: Collection[str]) -> frozenset[str]:
    """The names among `updatable` (top-level fields of `body`) that the update changes.

    With a mask exactly the fields it names, `*` being all of `updatable`; without one those that are set in `body`,
    where a zero without presence counts as not set, and those that callers may not set are passed over. Raises
    DomainError INVALID_ARGUMENT for a mask that names anything else.
    """
    if not mask.paths:
        return frozenset(field.name for field, _ in body.ListFields() if field.name in updatable)
    if list(mask.paths) == [_EVERYTHING]:
        return frozenset(updatable)
    unknown = sorted(set(mask.paths) - set(updatable))
    if unknown:
        raise _bad_mask(unknown)
    return frozenset(mask.paths)


def apply_update(target: Message, body: Message, mask: FieldMask, updatable: Collection[str]) -> frozenset[str]:
    """Bring `target`, a message of the type of `body`, to what the update asks for. Returns the names of the fields.

    A field is replaced as a whole: a list is not appended to, a message not merged. Raises like `updated_fields`.
    """
    names = updated_fields(body, mask, updatable)
    carried = type(body)()
    carried.CopyFrom(body)
    for name in body.DESCRIPTOR.fields_by_name:
        if name in names:
            target.ClearField(name)
        else:
            carried.ClearField(name)
    target.MergeFrom(carried)
    return names


def _bad_mask(unknown: list[str]) -> DomainError:
    return DomainError(
        ErrorKind.INVALID_ARGUMENT,
        "INVALID_UPDATE_MASK",
        f"updateMask: cannot change {', '.join(unknown)}",
        violations=[FieldViolation("updateMask", f"{path} is not a field that can be changed") for path in unknown],
    )
