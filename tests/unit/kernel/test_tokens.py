"""services.kernel.tokens"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.driver.v1.driver_pb2 import TokenDecision
from services.kernel.token_reasons import TokenReason, words
from services.kernel.tokens import EMAID, MAC_ADDRESS, NO_AUTHORIZATION, Token, bare, is_same, token_of, token_type

TYPES = ["", "Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "VIN", "vendor:own"]

pytestmark = pytest.mark.field_case("B1")


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("04ab", "", "04AB"),
        (" 04Ab\n", "ISO14443", "04AB"),
        ("a b", "", "A B"),
        ("straße", "Local", "straße"),
        ("", "ISO14443", ""),
        ("de-8aa-c12345678-9", "emaid", "DE8AAC123456789"),
        ("DE8AAC123456789", "eMAID", "DE8AAC123456789"),
        ("aa:bb:cc:dd:ee:ff", "MacAddress", "AABBCCDDEEFF"),
        # A hyphen is part of every other token.
        ("A-1", "", "A-1"),
        ("A-1", "ISO14443", "A-1"),
        ("A-1", "vendor:own", "A-1"),
    ],
)
def test_a_token_is_compared_without_case_and_without_what_separates_its_parts(
    written: str, kind: str, value: str
) -> None:
    assert token_of(written, kind).value == value


@pytest.mark.parametrize(
    ("reported", "known"),
    [("EMAID", "eMAID"), (" iso14443 ", "ISO14443"), ("keycode", "KeyCode"), ("evccid", "EVCCID"), ("Acme", "Acme")],
)
def test_a_type_is_written_as_ocpp_writes_it_or_as_it_was_told(reported: str, known: str) -> None:
    assert token_type(reported) == known


@given(st.text(max_size=40), st.sampled_from(TYPES))
def test_what_a_token_is_compared_by_stays_what_it_is(text: str, kind: str) -> None:
    token = token_of(text, kind)

    assert token_of(*token) == token
    assert token_of(text.swapcase(), kind) == token or not text.isascii()
    assert bare(token.value) == bare(token_of(text).value)


def test_no_authorization_has_no_value_whatever_was_written() -> None:
    assert token_of("CARD", "noauthorization") == Token("", NO_AUTHORIZATION)
    assert token_of("CARD", "noauthorization").is_none


def test_one_value_of_two_types_is_two_tokens_and_without_a_type_any() -> None:
    assert not is_same(token_of("1234", "KeyCode"), token_of("1234", "ISO14443"))
    assert is_same(token_of("1234"), token_of("1234", "ISO14443"))
    assert not is_same(token_of("1234"), token_of("4321"))
    assert is_same(token_of("de-8aa", EMAID), token_of("DE8AA", "EMAID"))
    assert not is_same(token_of("AA:BB", MAC_ADDRESS), token_of("AA:BB", EMAID))


def test_every_reason_of_the_contract_has_words() -> None:
    assert {name for name, number in TokenDecision.Reason.items() if number} == set(TokenReason)
    assert all(words(reason).endswith(".") for reason in TokenReason)
    assert words("SOMETHING_NEWER") == ""
