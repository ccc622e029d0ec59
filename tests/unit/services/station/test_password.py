"""services.station.domain.password"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.station.domain.password import hashed, matches

_HEX = "0123456789abcdef0123456789ABCDEF"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("the good password", b"the good password"),
        ("the good password", b"the good password".hex().encode()),
        ("the good password", b"the good password".hex().upper().encode()),
        ("pässwörter sind gut", "pässwörter sind gut".encode()),
        (_HEX, _HEX.encode()),
        (_HEX, _HEX.lower().encode()),
        (_HEX.lower(), _HEX.upper().encode()),
        (_HEX.upper(), _HEX.lower().encode()),
        (_HEX.lower(), bytes.fromhex(_HEX)),
        (_HEX.upper(), bytes.fromhex(_HEX)),
    ],
)
def test_a_password_may_be_shown_as_bytes_or_as_their_hexadecimal_text(stored: str, shown: bytes) -> None:
    assert matches(shown, hashed(stored))


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("the good password", b"The Good Password"),
        ("the good password", b"the good password "),
        ("the good password", b""),
        ("the good password", b"\xff\x00"),
        (_HEX.lower(), bytes.fromhex(_HEX)[::-1]),
    ],
)
def test_another_password_does_not_match(stored: str, shown: bytes) -> None:
    assert not matches(shown, hashed(stored))


@given(st.binary(min_size=16, max_size=20), st.booleans())
def test_raw_bytes_match_the_hexadecimal_text_the_operator_knows(secret: bytes, upper: bool) -> None:
    known = secret.hex().upper() if upper else secret.hex()

    assert matches(secret, hashed(known))
    assert matches(secret.hex().encode(), hashed(known))


@given(st.text(st.characters(codec="utf-8"), min_size=16, max_size=40), st.data())
def test_whatever_is_shown_matches_only_what_it_stands_for(stored: str, data: st.DataObject) -> None:
    text = stored.encode()
    shown = data.draw(st.sampled_from([text, text.hex().encode(), text[:-1], text + b"!", text.swapcase()]))

    same_text = shown == text or (_is_hex(text) and shown.lower() == text.lower())
    same_bytes = _is_hex(shown) and bytes.fromhex(shown.decode()) == text
    assert matches(shown, hashed(stored)) is (same_text or same_bytes)


def _is_hex(text: bytes) -> bool:
    return len(text) % 2 == 0 and all(character in b"0123456789abcdefABCDEF" for character in text)


def test_no_two_hashes_are_alike() -> None:
    assert hashed("the good password") != hashed("the good password")
