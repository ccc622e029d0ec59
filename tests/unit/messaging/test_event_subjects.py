import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging.event_bus import entity_of, subject


def test_a_plain_identity_stays_readable() -> None:
    expected = "csms.event.transaction.session.started.CP-1_a=b:c+d|e@f"
    assert subject("transaction", "session", "started", "CP-1_a=b:c+d|e@f") == expected


@pytest.mark.parametrize(
    ("identity", "token"),
    [("a.b", "a%2Eb"), ("*", "%2A"), (">", "%3E"), ("50% off", "50%25%20off"), ("é", "%C3%A9"), ("a\r\nb", "a%0D%0Ab")],
)
def test_characters_that_mean_something_to_nats_are_escaped(identity: str, token: str) -> None:
    assert subject("station", "charge_point", "booted", identity).rsplit(".", 1)[-1] == token


def test_an_empty_identity_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the id"):
        subject("station", "charge_point", "booted", "")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_identity_is_one_token_and_can_be_read_back(identity: str) -> None:
    made = subject("station", "charge_point", "booted", identity)
    assert made.count(".") == 5
    assert not set(made) & set("*> \t\r\n")
    assert made.isascii()
    assert entity_of(made) == identity
