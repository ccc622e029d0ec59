"""services.kernel.identity"""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.identity import IdentityRule, InvalidIdentity, identity_of, is_identity

pytestmark = pytest.mark.field_case("B4")


@pytest.mark.parametrize(
    "identity",
    [
        "1",
        "CP-001",
        "RDAM 123",
        "Ladesäule-1",
        "DE*ICE*E1",
        "EVB*P1:2|3@x.y_z=+",
        "a:b",
        "x/y",
        "RPC 16/é",
        "a.b",
        "...",
        "充电桩 7",
        "O'Neill, {Dublin}; [1] & (2)~$!^`",
        "x" * 48,
        "ä" * 48,
    ],
)
def test_these_are_identities(identity: str) -> None:
    assert is_identity(identity)
    assert identity_of(identity) == identity


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", IdentityRule.LENGTH),
        ("x" * 49, IdentityRule.LENGTH),
        ("ä" * 49, IdentityRule.LENGTH),
        ("x" * 100_000, IdentityRule.LENGTH),
        ("e\u0301" * 49, IdentityRule.LENGTH),
        ("CP\0", IdentityRule.PRINTABLE),
        ("CP1\n", IdentityRule.PRINTABLE),
        ("CP\x7f1", IdentityRule.PRINTABLE),
        ("CP\u00a01", IdentityRule.PRINTABLE),
        ("CP\u200b1", IdentityRule.PRINTABLE),
        ("\u202eCP1", IdentityRule.PRINTABLE),
        ("\ufeffCP1", IdentityRule.PRINTABLE),
        ("CP\ud800", IdentityRule.PRINTABLE),
        (" CP1", IdentityRule.EDGES),
        ("CP1 ", IdentityRule.EDGES),
        (" ", IdentityRule.EDGES),
        ("CP%31", IdentityRule.RESERVED),
        ("CP1?version=1.6", IdentityRule.RESERVED),
        ("CP1#", IdentityRule.RESERVED),
        ("CP\\1", IdentityRule.RESERVED),
        ('"CP1"', IdentityRule.RESERVED),
        ("<script>", IdentityRule.RESERVED),
        (".", IdentityRule.PARTS),
        ("..", IdentityRule.PARTS),
        ("../etc", IdentityRule.PARTS),
        ("a/./b", IdentityRule.PARTS),
        ("a//b", IdentityRule.PARTS),
        ("/a", IdentityRule.PARTS),
        ("a/", IdentityRule.PARTS),
    ],
)
def test_anything_else_is_refused_by_the_name_of_the_rule(text: str, rule: IdentityRule) -> None:
    assert not is_identity(text)
    with pytest.raises(InvalidIdentity) as refused:
        identity_of(text)
    assert refused.value.rule is rule
    assert str(refused.value).endswith(f"({rule})")


def test_letters_and_their_marks_are_one_identity_however_they_were_typed() -> None:
    decomposed = "Ladesa\u0308ule-1"
    assert identity_of(decomposed) == "Ladesäule-1"
    assert not is_identity(decomposed)


def test_what_is_composed_may_have_48_characters() -> None:
    assert identity_of("e\u0301" * 48) == "é" * 48


@given(st.text(st.characters(), max_size=60))
def test_an_identity_stays_what_it_is(text: str) -> None:
    try:
        identity = identity_of(text)
    except InvalidIdentity:
        assert not is_identity(text)
    else:
        assert is_identity(identity)
        assert identity_of(identity) == identity
        assert is_identity(text) == (unicodedata.normalize("NFC", text) == text)
