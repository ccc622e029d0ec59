"""services.station.domain.charge_point"""

from datetime import timedelta
from typing import Any

import pytest

from services.kernel.errors import DomainError
from services.station.domain.charge_point import (
    BootReport,
    ChargePointState,
    booted,
    changed,
    made,
)
from tests.unit.services.station.samples import CHARGE_POINT, NOW, fields_of

NEW = "the new password"
LATER = NOW + timedelta(hours=1)


def test_a_charge_point_is_made_with_its_password_hashed() -> None:
    point = made({"id": "CP1", "vendor": "Acme", "password": NEW}, NOW)

    assert (point.id, point.vendor, point.state) == ("CP1", "Acme", ChargePointState.ACCEPTED)
    assert point.password_hash is not None
    assert NEW.encode() not in point.password_hash
    assert point.next_passwords == ()
    assert made({"id": "CP1", "password": ""}, NOW).password_hash is None


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"id": " CP1"}, ["id"]),
        ({"vendor": "x" * 101, "model": "a\x01", "serial_number": "x" * 101}, ["vendor", "model", "serialNumber"]),
        ({"security_profile": 4}, ["securityProfile"]),
        ({"security_profile": -1}, ["securityProfile"]),
        ({"pinned_protocol": "1.6"}, ["pinnedProtocol"]),
        ({"pinned_protocol": "ocpp0.9"}, ["pinnedProtocol"]),
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
    point = CHARGE_POINT._replace(vendor="Acme GmbH", serial_number="old", firmware_version="1.0")
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


@pytest.mark.field_case("B7")
@pytest.mark.parametrize("pin", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1", ""])
def test_a_charge_point_is_pinned_to_a_version_that_is_spoken_here_or_to_none(pin: str) -> None:
    assert made({"id": "CP1", "pinned_protocol": pin}, NOW).pinned_protocol == pin


def test_an_operator_who_touches_an_unknown_charge_point_knows_it() -> None:
    unknown = CHARGE_POINT._replace(state=ChargePointState.PENDING, is_unknown=True)

    assert not changed(unknown, {"vendor": "Acme"}, "", LATER).is_unknown
