"""services.rpc.masks"""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from services.kernel.errors import DomainError, ErrorKind
from services.rpc.masks import updated_fields
from tests.fixtures.library import message

UPDATABLE = ("title", "note", "authors", "printer", "shelf_number")


def _book(**fields: Any) -> Any:
    return message("Book")(**fields)


def test_without_a_mask_what_the_body_carries_is_changed() -> None:
    body = _book(title="New", note="", shelf_number=0, id="not his to set")

    assert updated_fields(body, FieldMask(), UPDATABLE) == {"title", "shelf_number"}


def test_with_a_mask_exactly_what_it_names_is_changed() -> None:
    assert updated_fields(_book(title="New"), FieldMask(paths=["note", "note"]), UPDATABLE) == {"note"}
    assert updated_fields(_book(), FieldMask(paths=["*"]), UPDATABLE) == set(UPDATABLE)


@pytest.mark.parametrize("path", ["id", "nonsense", "printer.full_name", "Title", ""])
def test_a_mask_that_names_anything_else_is_refused(path: str) -> None:
    with pytest.raises(DomainError) as refused:
        updated_fields(_book(), FieldMask(paths=["title", path]), UPDATABLE)

    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_UPDATE_MASK")
    assert [violation.field for violation in refused.value.violations] == ["updateMask"]
