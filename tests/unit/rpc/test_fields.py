"""services.rpc.fields"""

from typing import Any

import pytest

from services.kernel.errors import DomainError, ErrorKind
from services.rpc.fields import _rules_of, enforce
from tests.fixtures.library import message

PAPER = 1
COMPLETE: dict[str, Any] = {
    "title": "Ulysses",
    "binding": PAPER,
    "authors": [{"full_name": "James Joyce"}],
    "shelf_number": 0,
}


def _create(**book: Any) -> Any:
    return message("CreateBookRequest")(book={**COMPLETE, **book})


def _update(paths: list[str], **book: Any) -> Any:
    return message("UpdateBookRequest")(book_id="b1", book=book, update_mask={"paths": paths})


def _missing(request: Any) -> list[str]:
    with pytest.raises(DomainError) as refused:
        enforce(request)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "MISSING_FIELD")
    assert {violation.description for violation in refused.value.violations} == {"is required"}
    return [violation.field for violation in refused.value.violations]


def test_a_complete_request_passes_as_it_is() -> None:
    request = _create()
    before = request.SerializeToString()

    enforce(request)

    assert request.SerializeToString() == before


def test_every_missing_field_is_named_by_its_path_in_json() -> None:
    assert _missing(message("CreateBookRequest")(book={})) == [
        "book.title",
        "book.binding",
        "book.authors",
        "book.shelfNumber",
    ]
    assert _missing(message("CreateBookRequest")()) == ["book"]


def test_what_is_required_below_is_required_wherever_that_occurs() -> None:
    request = _create(
        authors=[{"full_name": "A"}, {}],
        translators_by_language={"de": {}},
        printer={},
        sequel={**COMPLETE, "title": "", "sequel": COMPLETE},
    )

    assert _missing(request) == [
        "book.authors[1].fullName",
        "book.translatorsByLanguage[de].fullName",
        "book.sequel.title",
        "book.printer.fullName",
    ]


def test_what_is_absent_and_optional_demands_nothing_below() -> None:
    request = _create()
    assert not request.book.HasField("printer")

    enforce(request)

    assert not request.book.HasField("printer")


def test_a_number_without_presence_passes_and_one_with_presence_may_be_zero() -> None:
    request = _create(pages=0, shelf_number=0)

    enforce(request)


def test_what_only_the_server_sets_is_dropped_at_every_depth() -> None:
    request = _create(
        id="chosen by the caller",
        authors=[{"full_name": "A", "score": 5}],
        translators_by_language={"de": {"full_name": "B", "score": 5}},
        sequel={**COMPLETE, "id": "too"},
    )

    enforce(request)

    assert request.book.id == request.book.sequel.id == ""
    assert request.book.authors[0].score == request.book.translators_by_language["de"].score == 0


def test_an_update_without_mask_needs_only_what_it_carries() -> None:
    enforce(_update([], note="fine"))
    assert _missing(_update([], note="fine", authors=[{}])) == ["book.authors[0].fullName"]
    assert _missing(message("UpdateBookRequest")(book={"note": "fine"})) == ["bookId"]


def test_an_update_with_mask_needs_what_the_mask_names() -> None:
    enforce(_update(["note"], note="fine", authors=[{}]))
    enforce(_update(["printer"]))
    assert _missing(_update(["title", "printer"], printer={})) == ["book.title", "book.printer.fullName"]
    assert _missing(_update(["*"], **{**COMPLETE, "title": ""})) == ["book.title"]


def test_an_update_cannot_set_what_only_the_server_sets() -> None:
    request = _update(["id", "title"], id="mine", title="Dubliners")

    enforce(request)

    assert request.book.id == ""


def test_a_type_without_annotations_is_not_looked_at() -> None:
    assert _rules_of(message("AppendPagesRequest").DESCRIPTOR) is None
    assert _rules_of(message("GreetRequest").DESCRIPTOR) is None
    enforce(message("AppendPagesRequest")(pages=[{"text": "", "next": {"text": ""}}]))
