"""Tariffs: their bounds and their versions."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.billing.domain.price_component import PriceComponent
from services.billing.domain.tariff import (
    Connector,
    MembershipTier,
    Place,
    TariffVersion,
    applying,
    next_version,
    no_longer_default,
)
from services.billing.domain.tariff_checks import validated
from services.kernel.errors import DomainError
from services.kernel.tenancy import DEFAULT_TENANT
from tests.unit.services.billing.examples import DRIVER, NOW, STATION, component, energy, tariff

LATER = NOW + timedelta(minutes=5)


def _refused(**fields: Any) -> list[str]:
    components = fields.pop("components", [energy("0.4")])
    with pytest.raises(DomainError) as refused:
        validated(tariff(*components, **fields))
    assert refused.value.reason == "INVALID_FIELD"
    return [violation.field.removeprefix("tariff.") for violation in refused.value.violations]


def test_a_sound_tariff_passes() -> None:
    plan = tariff(
        energy("0.40", "22:00-06:00", (1, 7)),
        energy("0", "00:00-23:59"),
        component("IDLE", "1000000", grace_minutes=10_080),
        tax=10_000,
        discounts={MembershipTier.GOLD: 10_000},
        station_ids=[STATION],
        is_default=True,
        name="n" * 200,
        description="d" * 1000,
    )
    assert validated(plan) is plan


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "n" * 201, "description": "d" * 1001}, ["name", "description"]),
        ({"currency_code": "eur"}, ["currencyCode"]),
        ({"tax": -1}, ["taxBasisPoints"]),
        ({"tax": 10_001}, ["taxBasisPoints"]),
        ({"components": []}, ["components"]),
        ({"components": [energy("1")] * 51}, ["components"]),
        (
            {"discounts": {MembershipTier.GOLD: 0, MembershipTier.SILVER: 10_001}},
            ["tierDiscounts[1].discountBasisPoints"],
        ),
        ({"station_ids": [STATION, "nowhere"]}, ["stationIds[1]"]),
        ({"is_default": True, "retired": True}, ["isDefault"]),
    ],
)
def test_every_bad_field_is_named(fields: dict[str, Any], named: list[str]) -> None:
    assert _refused(**fields) == named


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (energy("-0.01"), ["price"]),
        (energy("1000000.01"), ["price"]),
        (energy("1", "08:00-"), ["startTimeOfDay"]),
        (energy("1", "8:00-12:00"), ["startTimeOfDay"]),
        (energy("1", "08:00-24:00"), ["endTimeOfDay"]),
        (energy("1", "08:00-08:00"), ["endTimeOfDay"]),
        (energy("1", days=(0, 1)), ["daysOfWeek"]),
        (energy("1", days=(8,)), ["daysOfWeek"]),
        (component("IDLE", "1", grace_minutes=-1), ["graceMinutes"]),
        (component("TIME", "1", grace_minutes=1), ["graceMinutes"]),
    ],
)
def test_every_bad_field_of_a_component_is_named_with_its_place(bad: PriceComponent, named: list[str]) -> None:
    assert _refused(components=[energy("1"), bad]) == [f"components[1].{field}" for field in named]


def test_a_change_makes_the_next_version() -> None:
    first = tariff(energy("1"))
    second = next_version(first, {"name": "Dearer"}, "1", LATER)
    assert (second.id, second.version, second.name, second.update_time) == (first.id, 2, "Dearer", LATER)
    assert (second.create_time, first.version) == (NOW, 1)
    assert next_version(second, {}, "", LATER).version == 3


def test_a_change_of_an_old_version_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        next_version(tariff(energy("1"), version=2), {"name": "x"}, "1", LATER)
    assert refused.value.reason == "ETAG_MISMATCH"


def test_a_change_must_leave_a_sound_tariff() -> None:
    with pytest.raises(DomainError) as refused:
        next_version(tariff(energy("1"), is_default=True), {"retired": True}, "", LATER)
    assert [violation.field for violation in refused.value.violations] == ["tariff.isDefault"]


def test_to_lose_the_default_is_a_change() -> None:
    after = no_longer_default(tariff(energy("1"), is_default=True), LATER)
    assert (after.is_default, after.version, after.update_time) == (False, 2, LATER)


def _version(name: str, begin: int = 0, end: int | None = None, **fields: Any) -> TariffVersion:
    """A version in use from so many minutes after NOW on."""
    made = tariff(energy("0.4"), name=name, update_time=NOW + begin * MINUTE, **fields)
    return TariffVersion(made, None if end is None else NOW + end * MINUTE)


MINUTE = timedelta(minutes=1)
ELSEWHERE = "01890a5d-ac96-774b-bcce-b302099a8059"
VERSIONS = [
    _version("old default", 0, 10, is_default=True),
    _version("default", 10, is_default=True),
    _version("station", 20, 40, station_ids=[STATION]),
    _version("station, later", 30, 50, station_ids=[ELSEWHERE, STATION]),
    _version("station, retired", 50, station_ids=[STATION], retired=True),
]


@pytest.mark.parametrize(
    ("station_id", "minutes", "named"),
    [
        (STATION, -1, None),
        (STATION, 0, "old default"),
        (STATION, 10, "default"),
        (STATION, 20, "station"),
        (STATION, 30, "station, later"),
        (STATION, 45, "station, later"),
        (STATION, 50, "default"),
        (STATION, None, "default"),
        (ELSEWHERE, 45, "station, later"),
        (None, 45, "default"),
    ],
)
def test_the_own_tariff_of_a_station_comes_before_the_default_and_the_last_change_before_others(
    station_id: str | None, minutes: int | None, named: str | None
) -> None:
    at = None if minutes is None else NOW + minutes * MINUTE
    for versions in (VERSIONS, VERSIONS[::-1]):
        found = applying(versions, DEFAULT_TENANT, Place(station_id), at or LATER, at)
        assert (found and found.name) == named
        assert applying(versions, "south", Place(station_id), at or LATER, at) is None


CP = Connector("CP1", 2)
OWN = [
    _version("default", is_default=True),
    _version("station", station_ids=[STATION]),
    _version("connector", connectors=[CP]),
    _version("driver", driver_ids=[DRIVER]),
    _version("driver, from tomorrow", 1, driver_ids=[DRIVER], valid_from=NOW + timedelta(days=1)),
    _version("station, until today", 1, station_ids=[STATION], valid_until=NOW),
]


@pytest.mark.parametrize(
    ("place", "start", "named"),
    [
        (Place(STATION, CP, DRIVER), LATER, "driver"),
        (Place(STATION, CP, DRIVER), NOW + timedelta(days=1), "driver, from tomorrow"),
        (Place(STATION, CP, ELSEWHERE), LATER, "connector"),
        (Place(STATION, Connector("CP1", 1)), LATER, "station"),
        (Place(STATION), NOW - timedelta(seconds=1), "station, until today"),
        (Place(None, Connector("CP2", 2)), LATER, "default"),
    ],
)
def test_the_tariff_of_a_driver_comes_before_those_of_connector_and_station(
    place: Place, start: datetime, named: str
) -> None:
    for versions in (OWN, OWN[::-1]):
        found = applying(versions, DEFAULT_TENANT, place, start)
        assert found is not None
        assert found.name == named
