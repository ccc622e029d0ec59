"""Stations: where they are, and what a change of one means."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.kernel.errors import conflict
from services.kernel.redaction import holds_secret
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations
from services.kernel.zones import zone_names
from services.station.domain.free_vending import FreeVending

_MOST_SETTINGS = 200
_LONGEST_SETTING = 2500


class StationStatus(StrEnum):
    """Whether a station is open for business."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    PLANNED = "PLANNED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A place where vehicles charge. `configuration` is what each of its charge points should be set to."""

    id: str
    name: str
    address: str = ""
    city: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str = "UTC"
    status: StationStatus = StationStatus.ACTIVE
    configuration: Mapping[str, str] = field(default_factory=dict)
    create_time: datetime
    update_time: datetime
    revision: int = 1
    free_vending: FreeVending | None = None
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """The surroundings of a place: degrees and kilometres."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StationFilter:
    """Which stations a list holds; an empty or None field does not narrow it."""

    status: StationStatus | None = None
    text: str = ""
    circle: Circle | None = None


@dataclass(frozen=True, slots=True)
class FoundStation:
    """A station in a list, with its distance in metres when the list is a search by place."""

    station: Station
    distance_meters: float | None = None


def circle_of(latitude: float | None, longitude: float | None, radius_km: float | None) -> Circle | None:
    """The surroundings asked for; None when no place was given. Raises: INVALID_FIELD."""
    if latitude is None and longitude is None and radius_km is None:
        return None
    violations = Violations()
    for name, value in (("latitude", latitude), ("longitude", longitude), ("radiusKm", radius_km)):
        violations.check(value is not None, name, "is needed for a search by place")
    if latitude is not None:
        violations.number("latitude", latitude, -90, 90)
    if longitude is not None:
        violations.number("longitude", longitude, -180, 180)
    if radius_km is not None:
        violations.check(0 < radius_km <= 20_000, "radiusKm", "must be more than 0 and at most 20000")
    violations.raise_if_any()
    if latitude is None or longitude is None or radius_km is None:
        raise ValueError("an incomplete place has violations")
    return Circle(latitude=_degrees(latitude), longitude=_degrees(longitude), radius_km=radius_km)


def _degrees(value: float) -> float:
    """To a tenth of a millimetre. What is smaller is no place; squared, it would be too small for PostgreSQL."""
    return round(value, 9)


def validated(station: Station) -> Station:
    """`station` with degrees as they are kept. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("station")
    violations.text("name", station.name.strip(), longest=200, shortest=1)
    violations.text("address", station.address, longest=500)
    violations.text("city", station.city, longest=200)
    is_country = len(station.country) == 2 and station.country.isascii() and station.country.isupper()
    violations.check(not station.country or is_country, "country", "must be two capital letters (ISO 3166-1 alpha-2)")
    if station.latitude is not None:
        violations.number("latitude", station.latitude, -90, 90)
    if station.longitude is not None:
        violations.number("longitude", station.longitude, -180, 180)
    both = (station.latitude is None) == (station.longitude is None)
    violations.check(both, "latitude", "and longitude belong together")
    violations.check(station.time_zone in zone_names(), "timeZone", "is not an IANA time zone")
    _check_configuration(violations, station.configuration)
    violations.raise_if_any()
    if station.latitude is None or station.longitude is None:
        return station
    return replace(station, latitude=_degrees(station.latitude), longitude=_degrees(station.longitude))


def changed(station: Station, changes: Mapping[str, Any], etag: str, now: datetime) -> Station:
    """`station` after `changes` (field name to new value). Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(station.revision):
        raise conflict("ETAG_MISMATCH", f"station {station.id} has changed since etag {etag} was read")
    return validated(replace(station, **changes, update_time=now, revision=station.revision + 1))


def changed_settings(before: Station, after: Station) -> dict[str, str]:
    """The settings that have another value after a change, with that value."""
    return {key: value for key, value in after.configuration.items() if before.configuration.get(key) != value}


def _check_configuration(violations: Violations, configuration: Mapping[str, str]) -> None:
    violations.check(
        len(configuration) <= _MOST_SETTINGS, "configuration", f"must have at most {_MOST_SETTINGS} entries"
    )
    for key, value in configuration.items():
        sound = 1 <= len(key) <= 101 and len(value) <= _LONGEST_SETTING
        violations.check(
            sound, f"configuration[{key[:101]}]", "must have a key of 1 to 101 and a value of at most 2500 characters"
        )
        # Whoever may read stations reads these.
        violations.check(
            not holds_secret(key, value),
            f"configuration[{key[:101]}]",
            "is a secret, and not kept here; use /charge-points/{id}/rotate-password or /change-configuration",
        )
