"""services.kernel.pagination"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.pagination import PageRequest, next_token, page_request


@pytest.mark.parametrize(("asked", "given_size"), [(0, 50), (1, 1), (250, 250), (251, 250), (2**31 - 1, 250)])
def test_the_size_of_a_page_is_bounded(asked: int, given_size: int) -> None:
    assert page_request(asked, "") == PageRequest(given_size, None)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        page_request(-1, "")

    assert refused.value.kind is ErrorKind.INVALID_ARGUMENT
    assert [violation.field for violation in refused.value.violations] == ["pageSize"]


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(st.lists(_texts, min_size=1, max_size=3))
def test_a_token_leads_back_to_its_sort_key(key: list[str]) -> None:
    token = next_token(key)

    assert page_request(10, token) == PageRequest(10, tuple(key))
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "token",
    [
        "!",
        "é",
        "A",
        "AAAA",
        *(base64.urlsafe_b64encode(text).decode() for text in (b"{}", b"[]", b"[1]", b'["a', b'["\\u0000"]', b"\xff")),
        next_token(["x" * 2000]),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(DomainError) as refused:
        page_request(10, token)

    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
    assert [violation.field for violation in refused.value.violations] == ["pageToken"]
