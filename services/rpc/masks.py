"""Which fields an update changes: those its mask names, or without a mask those its body carries.

Does not know what the fields mean, nor change anything.
"""

from collections.abc import Collection

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from services.kernel.errors import DomainError, ErrorKind, FieldViolation

_EVERYTHING = "*"


def updated_fields(body: Message, mask: FieldMask, updatable: Collection[str]) -> frozenset[str]:
    """The names among `updatable` (top-level fields of `body`) that the update changes.

    With a mask exactly the fields it names, `*` being all of `updatable`; without one those that are set in `body`,
    where a zero without presence and the UNSPECIFIED of an enum count as not set, and those that callers may not set
    are passed over. Raises DomainError INVALID_ARGUMENT for a mask that names anything else.
    """
    if not mask.paths:
        return frozenset(
            field.name for field, value in body.ListFields() if field.name in updatable and _says(field, value)
        )
    if list(mask.paths) == [_EVERYTHING]:
        return frozenset(updatable)
    unknown = sorted(set(mask.paths) - set(updatable))
    if unknown:
        raise _bad_mask(unknown)
    return frozenset(mask.paths)


def _says(field: FieldDescriptor, value: object) -> bool:
    return field.enum_type is None or field.is_repeated or value != 0


def _bad_mask(unknown: list[str]) -> DomainError:
    return DomainError(
        ErrorKind.INVALID_ARGUMENT,
        "INVALID_UPDATE_MASK",
        f"updateMask: cannot change {', '.join(unknown)}",
        violations=[FieldViolation("updateMask", f"{path} is not a field that can be changed") for path in unknown],
    )
