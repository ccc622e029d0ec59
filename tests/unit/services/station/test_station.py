"""services.station.domain.station"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.errors import DomainError
from services.station.domain.station import Circle, StationStatus, changed, changed_settings, circle_of, validated
from tests.unit.services.station.samples import NOW, STATION, fields_of

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 200, "address": "x" * 500, "city": "x" * 200},
        {"country": "DE", "time_zone": "Europe/Berlin"},
        {"country": "", "time_zone": "UTC"},
        {"latitude": 90, "longitude": -180},
        {"latitude": 0.0, "longitude": 0.0},
        {"configuration": {"MeterValueSampleInterval": "60", "OCPPCommCtrlr.HeartbeatInterval": ""}},
        {"configuration": {"k" * 101: "v" * 2500}},
        {"configuration": {f"key{number}": "" for number in range(200)}},
    ],
)
def test_these_are_stations(fields: dict[str, Any]) -> None:
    station = replace(STATION, **fields)

    assert validated(station) == station


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"name": ""}, ["station.name"]),
        ({"name": " "}, ["station.name"]),
        ({"name": "x" * 201, "address": "x" * 501}, ["station.name", "station.address"]),
        ({"city": "x" * 201}, ["station.city"]),
        ({"country": "de"}, ["station.country"]),
        ({"country": "DEU"}, ["station.country"]),
        ({"country": "ÄÖ"}, ["station.country"]),
        ({"latitude": 91, "longitude": 0}, ["station.latitude"]),
        ({"latitude": 0, "longitude": -180.1}, ["station.longitude"]),
        ({"latitude": NAN, "longitude": INFINITE}, ["station.latitude", "station.longitude"]),
        ({"latitude": 1}, ["station.latitude"]),
        ({"longitude": 1}, ["station.latitude"]),
        ({"time_zone": "Mars/Base"}, ["station.timeZone"]),
        ({"time_zone": "../etc/passwd"}, ["station.timeZone"]),
        ({"time_zone": "Europe"}, ["station.timeZone"]),
        ({"time_zone": "a\0b"}, ["station.timeZone"]),
        ({"time_zone": "x" * 5000}, ["station.timeZone"]),
        ({"configuration": {f"key{number}": "" for number in range(201)}}, ["station.configuration"]),
        ({"configuration": {"": "x"}}, ["station.configuration[]"]),
        ({"configuration": {"k" * 102: "x"}}, [f"station.configuration[{'k' * 101}]"]),
        ({"configuration": {"key": "x" * 2501}}, ["station.configuration[key]"]),
    ],
)
def test_every_bad_field_of_a_station_is_named(fields: dict[str, Any], bad: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        validated(replace(STATION, **fields))

    assert fields_of(refused.value) == bad


def test_a_change_counts_the_revision_and_the_time() -> None:
    later = NOW + timedelta(hours=1)

    after = changed(STATION, {"status": StationStatus.INACTIVE}, "1", later)

    assert (after.status, after.revision, after.update_time) == (StationStatus.INACTIVE, 2, later)


def test_a_change_of_what_somebody_else_changed_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        changed(STATION, {"name": "South"}, "2", NOW)

    assert refused.value.reason == "ETAG_MISMATCH"


def test_the_changed_settings_are_those_with_another_value() -> None:
    before = replace(STATION, configuration={"kept": "1", "changed": "1", "dropped": "1"})
    after = replace(STATION, configuration={"kept": "1", "changed": "2", "new": ""})

    assert changed_settings(before, after) == {"changed": "2", "new": ""}
    assert changed_settings(after, after) == {}


def test_without_a_place_there_is_no_circle() -> None:
    assert circle_of(None, None, None) is None


@pytest.mark.parametrize("place", [(90, -180, 20_000), (0, 0, 0.001), (-33.9, 151.2, 5)])
def test_these_are_circles(place: tuple[float, float, float]) -> None:
    assert circle_of(*place) == Circle(latitude=place[0], longitude=place[1], radius_km=place[2])


@pytest.mark.parametrize(
    ("place", "bad"),
    [
        ((1, None, None), ["longitude", "radiusKm"]),
        ((None, 1, 1), ["latitude"]),
        ((None, None, 1), ["latitude", "longitude"]),
        ((91, 181, 1), ["latitude", "longitude"]),
        ((1, 1, 0), ["radiusKm"]),
        ((1, 1, -1), ["radiusKm"]),
        ((1, 1, 20_001), ["radiusKm"]),
        ((NAN, NAN, NAN), ["latitude", "longitude", "radiusKm"]),
        ((INFINITE, None, INFINITE), ["longitude", "latitude", "radiusKm"]),
    ],
)
def test_a_circle_needs_a_place_on_earth_and_a_radius(
    place: tuple[float | None, float | None, float | None], bad: list[str]
) -> None:
    with pytest.raises(DomainError) as refused:
        circle_of(*place)

    assert fields_of(refused.value) == bad
