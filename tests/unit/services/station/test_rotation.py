"""New passwords that are on their way to a charge point: nobody is locked out, whatever became of them."""

import pytest

from services.kernel.errors import DomainError
from services.kernel.refusal import Rule
from services.station.domain.admission import Entry, judged
from services.station.domain.charge_point import ChargePoint, changed, made, staged, withdrawn
from tests.unit.services.station.samples import ATTEMPT, CHARGE_POINT, NOW

pytestmark = pytest.mark.field_case("E3")

OLD, NEW, NEWER = "the old password", "the new password", "a newer password"


def shown(point: ChargePoint, password: str | None, profile: int = 1) -> ChargePoint | Rule:
    """The charge point that is let in, or the rule that refuses it."""
    attempt = ATTEMPT._replace(password=None if password is None else password.encode(), security_profile=profile)
    verdict = judged(point, attempt)
    return verdict.charge_point if isinstance(verdict, Entry) else verdict.rule


def let_in(point: ChargePoint, password: str) -> ChargePoint:
    after = shown(point, password)
    assert isinstance(after, ChargePoint)
    return after


@pytest.fixture
def point() -> ChargePoint:
    return staged(made({"id": "CP1", "password": OLD, "security_profile": 1}, NOW), "c1", NEW)


def test_both_are_valid_until_the_new_one_was_used(point: ChargePoint) -> None:
    assert let_in(point, OLD) is point
    after = let_in(point, NEW)
    assert shown(after, OLD) is Rule.WRONG_PASSWORD
    assert let_in(after, NEW) is after


def test_one_that_was_not_taken_is_void(point: ChargePoint) -> None:
    after = withdrawn(point, "c1")
    assert shown(after, NEW) is Rule.WRONG_PASSWORD
    assert let_in(after, OLD) is after
    # It was used meanwhile: then it is the valid one.
    assert let_in(withdrawn(let_in(point, NEW), "c1"), NEW)


def test_a_source_has_one(point: ChargePoint) -> None:
    after = staged(point, "c1", NEWER)
    assert shown(after, NEW) is Rule.WRONG_PASSWORD
    assert let_in(after, NEWER)


def test_what_was_set_later_stays_valid_when_an_earlier_one_is_used(point: ChargePoint) -> None:
    after = let_in(staged(point, "c2", NEWER), NEW)
    assert shown(after, OLD) is Rule.WRONG_PASSWORD
    assert let_in(after, NEWER)
    # And the other way round: what was before is void.
    assert shown(let_in(staged(point, "c2", NEWER), NEWER), NEW) is Rule.WRONG_PASSWORD


def test_what_an_operator_sets_takes_nothing_from_what_is_on_its_way(point: ChargePoint) -> None:
    after = changed(changed(point, {"password": "set by mistake.."}, "", NOW), {"password": NEWER}, "", NOW)
    assert shown(after, "set by mistake..") is Rule.WRONG_PASSWORD
    assert all(let_in(after, password) for password in (OLD, NEW, NEWER))


def test_a_first_one_is_asked_for_once_it_was_used() -> None:
    point = staged(CHARGE_POINT, "c1", NEW)
    assert shown(point, None, 0) is point
    assert shown(point, OLD) is point
    assert shown(let_in(point, NEW), None, 0) is Rule.CREDENTIALS_MISSING


def test_where_one_is_demanded_the_first_one_is_good_before_its_use() -> None:
    point = staged(CHARGE_POINT._replace(security_profile=1), "c1", NEW)
    assert shown(point, OLD) is Rule.PASSWORD_NOT_SET
    assert let_in(point, NEW)


def test_so_many_wait_and_no_more(point: ChargePoint) -> None:
    for number in range(20):
        point = staged(point, f"c{number}", f"a password of many {number}")
    assert len(point.next_passwords) == 8
    assert all(let_in(point, f"a password of many {number}") for number in range(12, 20))
    assert let_in(point, OLD)


@pytest.mark.parametrize(("source", "password"), [("", NEW), ("c1", "short"), ("c1", "x" * 41)])
def test_what_cannot_be_a_password_is_refused(source: str, password: str) -> None:
    with pytest.raises(DomainError):
        staged(CHARGE_POINT, source, password)


@pytest.mark.parametrize("form", [b"twenty bytes of text".hex(), b"twenty bytes of text".hex().upper()])
def test_text_and_hexadecimal_digits_are_the_same(form: str) -> None:
    for given, used in (("twenty bytes of text", form), (form, "twenty bytes of text")):
        assert let_in(staged(CHARGE_POINT, "c1", given), used).next_passwords == ()
