"""services.station.domain.admission"""

from typing import Any

import pytest

from services.kernel.refusal import Rule
from services.station.domain.admission import Denial, Entry, judged
from services.station.domain.charge_point import ChargePoint, changed, made
from services.station.domain.refusal import ADVICE
from tests.unit.services.station.samples import ATTEMPT, CHARGE_POINT, NOW

OLD, NEW = "the old password", "the new password"


def _with_password(*passwords: str, **fields: Any) -> ChargePoint:
    """A charge point that got these passwords, one after the other."""
    point = made({"id": "CP1", "password": passwords[0], **fields}, NOW)
    for password in passwords[1:]:
        point = changed(point, {"password": password}, "", NOW)
    return point


def _shown(point: ChargePoint, password: str | None, profile: int = 1, name: str = "") -> ChargePoint | Rule:
    """The charge point that is let in, or the rule that refuses it."""
    shown = None if password is None else password.encode()
    attempt = ATTEMPT._replace(password=shown, security_profile=profile, certificate_common_name=name)
    verdict = judged(point, attempt)
    return verdict.charge_point if isinstance(verdict, Entry) else verdict.rule


def test_who_is_not_known_is_not_let_in() -> None:
    verdict = judged(None, ATTEMPT)
    assert isinstance(verdict, Denial)
    assert verdict.rule is Rule.UNKNOWN_IDENTITY


@pytest.mark.parametrize(
    ("demanded", "profile", "password", "rule"),
    [
        (0, 0, None, None),
        (0, 1, "whatever it shows", None),
        (1, 0, None, Rule.CREDENTIALS_MISSING),
        (1, 1, "whatever it shows", Rule.PASSWORD_NOT_SET),
        (1, 2, "whatever it shows", Rule.PASSWORD_NOT_SET),
        (2, 2, "whatever it shows", Rule.PASSWORD_NOT_SET),
    ],
)
def test_without_a_password_only_one_that_needs_none_is_let_in(
    demanded: int, profile: int, password: str | None, rule: Rule | None
) -> None:
    point = CHARGE_POINT._replace(security_profile=demanded)

    assert _shown(point, password, profile) is (rule or point)


@pytest.mark.field_case("B9")
@pytest.mark.parametrize(
    ("demanded", "profile", "password", "rule"),
    [
        (0, 0, None, Rule.CREDENTIALS_MISSING),
        (0, 1, OLD, None),
        (0, 1, NEW, Rule.WRONG_PASSWORD),
        (0, 1, "", Rule.WRONG_PASSWORD),
        (1, 1, OLD, None),
        (1, 0, None, Rule.CREDENTIALS_MISSING),
        (1, 2, OLD, None),
        (2, 1, OLD, Rule.SECURITY_PROFILE_TOO_LOW),
        (2, 2, OLD, None),
        (2, 0, None, Rule.CREDENTIALS_MISSING),
        (3, 2, OLD, Rule.SECURITY_PROFILE_TOO_LOW),
        (3, 0, None, Rule.SECURITY_PROFILE_TOO_LOW),
    ],
)
def test_one_with_a_password_must_show_it_on_a_socket_that_is_safe_enough(
    demanded: int, profile: int, password: str | None, rule: Rule | None
) -> None:
    point = _with_password(OLD, security_profile=demanded)

    assert _shown(point, password, profile) is (rule or point)


@pytest.mark.parametrize(
    ("demanded", "profile", "name", "rule"),
    [
        (3, 3, "CP1", None),
        (3, 3, "CP2", Rule.WRONG_CERTIFICATE),
        (3, 3, "", Rule.WRONG_CERTIFICATE),
        (3, 2, "", Rule.SECURITY_PROFILE_TOO_LOW),
        (0, 3, "CP1", None),
        (0, 3, "CP2", Rule.WRONG_CERTIFICATE),
    ],
)
def test_a_certificate_lets_in_only_the_charge_point_it_names(
    demanded: int, profile: int, name: str, rule: Rule | None
) -> None:
    point = CHARGE_POINT._replace(security_profile=demanded)

    assert _shown(point, None, profile, name) is (rule or point)


@pytest.mark.field_case("E2")
@pytest.mark.parametrize("demanded", [0, 1, 2])
def test_a_certificate_is_no_substitute_for_a_password_that_is_set(demanded: int) -> None:
    point = _with_password(OLD, security_profile=demanded)

    assert _shown(point, None, 3, "CP1") is Rule.CREDENTIALS_MISSING
    assert _shown(point, NEW, 3, "CP1") is Rule.WRONG_PASSWORD
    assert _shown(point, OLD, 3, "CP1") is point


@pytest.mark.field_case("E2")
def test_where_the_profile_demands_a_certificate_it_is_enough() -> None:
    point = _with_password(OLD, security_profile=3)

    for password in (None, NEW, OLD):
        assert _shown(point, password, 3, "CP1") is point
        assert _shown(point, password, 3, "CP2") is Rule.WRONG_CERTIFICATE


def test_the_old_password_is_valid_until_the_new_one_was_used() -> None:
    point = _with_password(OLD, NEW)

    assert _shown(point, OLD) is point
    confirmed = _shown(point, NEW)
    assert isinstance(confirmed, ChargePoint)
    assert confirmed.next_passwords == ()
    assert _shown(confirmed, NEW) is confirmed
    assert _shown(confirmed, OLD) is Rule.WRONG_PASSWORD


def test_of_two_new_passwords_that_were_never_used_the_last_counts() -> None:
    point = _with_password(OLD, "never used at all", NEW)

    assert _shown(point, OLD) is point
    assert _shown(point, "never used at all") is Rule.WRONG_PASSWORD
    assert isinstance(_shown(point, NEW), ChargePoint)


@pytest.mark.field_case("B7")
@pytest.mark.parametrize(
    ("pin", "offers", "protocol"),
    [
        ("", ("ocpp2.0.1", "ocpp1.6"), "ocpp2.0.1"),
        ("ocpp1.6", ("ocpp2.0.1", "ocpp1.6"), "ocpp1.6"),
        ("ocpp2.0.1", ("ocpp2.0.1", "ocpp1.6"), "ocpp2.0.1"),
        ("ocpp1.6", ("ocpp1.6",), "ocpp1.6"),
    ],
)
def test_a_pin_decides_among_what_is_offered(pin: str, offers: tuple[str, ...], protocol: str) -> None:
    point = CHARGE_POINT._replace(pinned_protocol=pin)

    verdict = judged(point, ATTEMPT._replace(protocol=offers[0], offers=offers))

    assert isinstance(verdict, Entry)
    assert verdict.protocol == protocol


@pytest.mark.field_case("B7")
def test_one_that_does_not_offer_what_it_is_pinned_to_is_told_so_once_it_has_proved_itself() -> None:
    point = _with_password(OLD)._replace(pinned_protocol="ocpp1.6")
    attempt = ATTEMPT._replace(protocol="ocpp2.0.1", offers=("ocpp2.0.1",), security_profile=1)

    reported = judged(point, attempt._replace(password=OLD.encode()))
    assert reported == Denial(
        Rule.PINNED_PROTOCOL_NOT_OFFERED, "this charge point is pinned to ocpp1.6, and offers ocpp2.0.1"
    )
    stranger = judged(point, attempt._replace(password=NEW.encode()))
    assert isinstance(stranger, Denial)
    assert stranger.rule is Rule.WRONG_PASSWORD


@pytest.mark.field_case("B9")
def test_there_is_advice_for_every_rule() -> None:
    assert ADVICE.keys() == set(Rule)
    assert all(text.endswith(".") for text in ADVICE.values())
    assert len(set(ADVICE.values())) == len(Rule)
