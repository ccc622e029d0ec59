"""services.rpc.visibility"""

from typing import Any

import pytest

from services.rpc.auth import ANONYMOUS, Caller
from services.rpc.visibility import _hidden_from, hide
from tests.fixtures.library import message

OPERATOR, DRIVER, SERVICE = Caller("ann", "operator"), Caller("bob", "driver", "d1"), Caller("service:x", "service")


def _books() -> Any:
    book = {
        "title": "Ulysses",
        "shelf_key": "k",
        "shelf_number": 7,
        "sequel": {"shelf_key": "k", "shelf_number": 8},
        "printer": {"pin": "1", "full_name": "A"},
    }
    return message("ListBooksResponse")(books=[book, {"translators_by_language": {"de": {"pin": "1"}}}])


@pytest.mark.field_case("C10")
@pytest.mark.parametrize("caller", [OPERATOR, DRIVER, SERVICE, ANONYMOUS])
def test_what_callers_only_say_is_told_to_nobody_at_any_depth(caller: Caller) -> None:
    response = _books()
    hide(response, caller)
    assert not response.books[0].HasField("shelf_key")
    assert not response.books[0].sequel.HasField("shelf_key")
    assert response.books[0].printer == message("Author")(full_name="A")
    assert response.books[1].translators_by_language["de"] == message("Author")()
    assert response.books[0].title == "Ulysses"


@pytest.mark.field_case("C8")
def test_what_needs_a_permission_is_told_to_who_has_it() -> None:
    for caller, is_reported in ((OPERATOR, True), (SERVICE, True), (DRIVER, False), (ANONYMOUS, False)):
        response = _books()
        hide(response, caller)
        assert response.books[0].HasField("shelf_number") is is_reported
        assert response.books[0].sequel.HasField("shelf_number") is is_reported


def test_an_answer_that_hides_nothing_is_not_looked_at() -> None:
    assert _hidden_from(message("GreetResponse").DESCRIPTOR, "driver") is None
