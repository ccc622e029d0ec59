import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging.event_bus import entity_of
from services.messaging.subjects import kinds, subject, subjects


def test_a_plain_identity_stays_readable() -> None:
    expected = "csms.event.transaction.transaction.started.CP-1_a=b:c+d|e@f"
    assert subject("transaction_changed", "started", "CP-1_a=b:c+d|e@f") == expected


@pytest.mark.parametrize(
    ("identity", "token"),
    [("a.b", "a%2Eb"), ("*", "%2A"), (">", "%3E"), ("50% off", "50%25%20off"), ("é", "%C3%A9"), ("a\r\nb", "a%0D%0Ab")],
)
def test_characters_that_mean_something_to_nats_are_escaped(identity: str, token: str) -> None:
    assert subject("charge_point_booted", "booted", identity).rsplit(".", 1)[-1] == token


def test_an_empty_identity_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the id"):
        subject("charge_point_booted", "booted", "")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_identity_is_one_token_and_can_be_read_back(identity: str) -> None:
    made = subject("charge_point_booted", "booted", identity)
    assert made.count(".") == 5
    assert not set(made) & set("*> \t\r\n")
    assert made.isascii()
    assert entity_of(made) == identity


@pytest.mark.parametrize("wanted", ["nothing_changed", "charge_point_booted.eaten", "", "charge_point_booted."])
def test_what_no_contract_has_is_refused_on_both_ends(wanted: str) -> None:
    kind, _, verb = wanted.partition(".")
    with pytest.raises(ValueError, match=r"no kind of event|has no verb"):
        subject(kind, verb, "x")
    if verb or not wanted.endswith("."):
        with pytest.raises(ValueError, match=r"no kind of event|has no verb"):
            subjects(wanted)


def test_every_kind_says_where_it_is_and_no_two_share_a_subject() -> None:
    assert len(kinds()) > 10
    for kind, where in kinds().items():
        assert where.service, kind
        assert where.noun, kind
        assert where.verbs, kind
        assert where.entity, kind
    everything = subjects(*kinds())
    assert len(set(everything)) == len(everything)
