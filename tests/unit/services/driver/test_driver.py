"""services.driver.domain.driver"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.driver.domain.driver import DriverStatus, MembershipTier, changed, validated
from services.kernel.errors import DomainError
from tests.unit.services.driver.samples import DRIVER, NOW, fields_of


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 200},
        {"email": "ann@example.org"},
        {"email": "ann+cars@sub.example.org"},
        {"phone": "+49 30 123456"},
        {"phone": "(030) 12-34/56"[1:]},
        {"email": "", "phone": ""},
    ],
)
def test_these_are_drivers(fields: dict[str, Any]) -> None:
    driver = replace(DRIVER, **fields)

    assert validated(driver) is driver


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"name": ""}, ["driver.name"]),
        ({"name": "   "}, ["driver.name"]),
        ({"name": "x" * 201}, ["driver.name"]),
        ({"email": "ann"}, ["driver.email"]),
        ({"email": "ann@example"}, ["driver.email"]),
        ({"email": "a nn@example.org"}, ["driver.email"]),
        ({"email": "ann\x07@example.org"}, ["driver.email"]),
        ({"email": f"{'a' * 320}@example.org"}, ["driver.email"]),
        ({"phone": "call me"}, ["driver.phone"]),
        ({"phone": "12"}, ["driver.phone"]),
        ({"name": "", "email": "ann", "phone": "x"}, ["driver.name", "driver.email", "driver.phone"]),
    ],
)
def test_every_bad_field_of_a_driver_is_named(fields: dict[str, Any], bad: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        validated(replace(DRIVER, **fields))

    assert fields_of(refused.value) == bad


def test_a_long_address_made_to_be_slow_is_refused_at_once() -> None:
    with pytest.raises(DomainError):
        validated(replace(DRIVER, email="a@" + "." * 9_990 + " "))


def test_a_change_counts_the_revision_and_the_time() -> None:
    later = NOW + timedelta(hours=1)

    after = changed(DRIVER, {"membership_tier": MembershipTier.GOLD, "status": DriverStatus.SUSPENDED}, "1", later)

    assert (after.membership_tier, after.status) == (MembershipTier.GOLD, DriverStatus.SUSPENDED)
    assert (after.revision, after.create_time, after.update_time) == (2, NOW, later)


@pytest.mark.parametrize("etag", ["0", "2", "x"])
def test_a_change_of_what_somebody_else_changed_is_refused(etag: str) -> None:
    with pytest.raises(DomainError) as refused:
        changed(DRIVER, {"name": "Bea"}, etag, NOW)

    assert refused.value.reason == "ETAG_MISMATCH"


def test_a_change_to_something_bad_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        changed(DRIVER, {"name": ""}, "", NOW)

    assert fields_of(refused.value) == ["driver.name"]
