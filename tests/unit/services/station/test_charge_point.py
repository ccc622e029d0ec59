"""services.station.domain.charge_point"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.errors import DomainError
from services.station.domain.charge_point import (
    BootReport,
    ChargePoint,
    ChargePointState,
    Refusal,
    admitted,
    booted,
    changed,
    made,
)
from tests.unit.services.station.samples import ATTEMPT, CHARGE_POINT, NOW, fields_of

OLD, NEW = "the old password", "the new password"
LATER = NOW + timedelta(hours=1)


def _with_password(*passwords: str, **fields: Any) -> ChargePoint:
    """A charge point that got these passwords, one after the other."""
    point = made({"id": "CP1", "password": passwords[0], **fields}, NOW)
    for password in passwords[1:]:
        point = changed(point, {"password": password}, "", NOW)
    return point


def _shown(point: ChargePoint, password: str | None, profile: int = 1, name: str = "") -> ChargePoint | Refusal:
    shown = None if password is None else password.encode()
    return admitted(point, replace(ATTEMPT, password=shown, security_profile=profile, certificate_common_name=name))


def test_a_charge_point_is_made_with_its_password_hashed() -> None:
    point = made({"id": "CP1", "vendor": "Acme", "password": NEW}, NOW)

    assert (point.id, point.vendor, point.state) == ("CP1", "Acme", ChargePointState.ACCEPTED)
    assert point.password_hash is not None
    assert NEW.encode() not in point.password_hash
    assert point.next_password_hash is None
    assert made({"id": "CP1", "password": ""}, NOW).password_hash is None


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"id": " CP1"}, ["id"]),
        ({"vendor": "x" * 101, "model": "a\x01", "serial_number": "x" * 101}, ["vendor", "model", "serialNumber"]),
        ({"security_profile": 4}, ["securityProfile"]),
        ({"security_profile": -1}, ["securityProfile"]),
        ({"heartbeat_interval_seconds": 9}, ["heartbeatIntervalSeconds"]),
        ({"heartbeat_interval_seconds": 86_401}, ["heartbeatIntervalSeconds"]),
        ({"password": "x" * 15}, ["password"]),
        ({"password": "x" * 41}, ["password"]),
        ({"id": "", "password": "short"}, ["id", "password"]),
    ],
)
def test_every_bad_field_of_a_charge_point_is_named(fields: dict[str, Any], bad: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        made({"id": "CP1", **fields}, NOW, "station.chargePoints[2]")

    assert fields_of(refused.value) == [f"station.chargePoints[2].{field}" for field in bad]


@pytest.mark.parametrize("seconds", [0, 10, 86_400])
def test_a_heartbeat_is_usual_or_bounded(seconds: int) -> None:
    assert made({"id": "CP1", "heartbeat_interval_seconds": seconds}, NOW).heartbeat_interval_seconds == seconds


def test_a_change_counts_the_revision_and_the_time() -> None:
    after = changed(CHARGE_POINT, {"state": ChargePointState.REJECTED}, "1", LATER)

    assert (after.state, after.revision, after.update_time) == (ChargePointState.REJECTED, 2, LATER)


def test_a_change_of_what_somebody_else_changed_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        changed(CHARGE_POINT, {"vendor": "Acme"}, "7", NOW)

    assert refused.value.reason == "ETAG_MISMATCH"


def test_what_a_device_told_never_stands_in_the_way_of_a_change() -> None:
    boot = BootReport(
        charge_point_id="CP1",
        epoch=1,
        vendor="v" * 500,
        model="m\0\x07odel",
        serial_number="s\n" * 200,
        firmware_version="1.0\x1b" + "x" * 500,
        reason="",
        received_time=NOW,
    )

    point = changed(booted(CHARGE_POINT, boot), {"vendor": "Acme"}, "", NOW)

    assert (point.reported_vendor, point.reported_model, point.serial_number) == ("v" * 100, "model", "s" * 100)


def test_a_boot_tells_of_the_hardware_and_leaves_the_words_of_the_operator() -> None:
    point = replace(CHARGE_POINT, vendor="Acme GmbH", serial_number="old", firmware_version="1.0")
    boot = BootReport(
        charge_point_id="CP1",
        epoch=1,
        vendor="ACME",
        model="Wall",
        serial_number="S1",
        firmware_version="",
        reason="PowerUp",
        received_time=LATER,
    )

    after = booted(point, boot)

    assert (after.vendor, after.reported_vendor, after.model, after.reported_model) == ("Acme GmbH", "ACME", "", "Wall")
    assert (after.serial_number, after.firmware_version, after.boot_time) == ("S1", "1.0", LATER)
    assert (after.revision, after.update_time) == (point.revision, point.update_time)


@pytest.mark.parametrize(
    ("demanded", "profile", "is_let_in"),
    [(0, 0, True), (0, 1, True), (1, 0, False), (1, 1, False), (1, 2, False), (2, 2, False)],
)
def test_without_a_password_only_one_that_needs_none_is_let_in(demanded: int, profile: int, is_let_in: bool) -> None:
    point = replace(CHARGE_POINT, security_profile=demanded)

    assert (_shown(point, "whatever it shows", profile) is point) is is_let_in


@pytest.mark.parametrize(
    ("demanded", "profile", "password", "is_let_in"),
    [
        (0, 0, None, False),
        (0, 1, OLD, True),
        (0, 1, NEW, False),
        (0, 1, "", False),
        (1, 1, OLD, True),
        (1, 2, OLD, True),
        (2, 1, OLD, False),
        (2, 2, OLD, True),
        (2, 2, None, False),
    ],
)
def test_one_with_a_password_must_show_it_on_a_socket_that_is_safe_enough(
    demanded: int, profile: int, password: str | None, is_let_in: bool
) -> None:
    point = _with_password(OLD, security_profile=demanded)

    assert (_shown(point, password, profile) is point) is is_let_in


@pytest.mark.parametrize(
    ("demanded", "profile", "name", "is_let_in"),
    [
        (3, 3, "CP1", True),
        (3, 3, "CP2", False),
        (3, 3, "", False),
        (3, 2, "", False),
        (0, 3, "CP1", True),
        (0, 3, "CP2", False),
    ],
)
def test_a_certificate_lets_in_only_the_charge_point_it_names(
    demanded: int, profile: int, name: str, is_let_in: bool
) -> None:
    point = replace(CHARGE_POINT, security_profile=demanded)

    assert (_shown(point, None, profile, name) is point) is is_let_in


def test_a_certificate_stands_in_for_a_password_but_not_for_a_wrong_one() -> None:
    point = _with_password(OLD)

    assert _shown(point, None, 3, "CP1") is point
    assert _shown(point, NEW, 3, "CP1") is Refusal.BAD_CREDENTIALS


def test_the_old_password_is_valid_until_the_new_one_was_used() -> None:
    point = _with_password(OLD, NEW)

    assert _shown(point, OLD) is point
    confirmed = _shown(point, NEW)
    assert isinstance(confirmed, ChargePoint)
    assert confirmed.next_password_hash is None
    assert _shown(confirmed, NEW) is confirmed
    assert _shown(confirmed, OLD) is Refusal.BAD_CREDENTIALS


def test_of_two_new_passwords_that_were_never_used_the_last_counts() -> None:
    point = _with_password(OLD, "never used at all", NEW)

    assert _shown(point, OLD) is point
    assert _shown(point, "never used at all") is Refusal.BAD_CREDENTIALS
    assert isinstance(_shown(point, NEW), ChargePoint)
