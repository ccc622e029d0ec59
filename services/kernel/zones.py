"""Local clocks, by the time zone data of the package `tzdata`: the same on every platform, whatever the system has.

Governments change their clocks at a few months' notice, and a bill by old rules is wrong by an hour. What the system
has is as old as its image. Nothing else may ask `zoneinfo` for a zone: a test sees to it.
"""

from functools import cache
from importlib import import_module
from importlib.resources import files
from zoneinfo import ZoneInfo

_PACKAGE = files("tzdata")


@cache
def zone_of(name: str) -> ZoneInfo:
    """The time zone, for example `Europe/Berlin`; one object for each. Raises ValueError for a name that is none."""
    if name not in zone_names():
        raise ValueError(f"{name[:100]!r} is not a time zone")
    with _PACKAGE.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(_PACKAGE.joinpath("zones").read_text(encoding="utf-8").split())


def zone_data_version() -> str:
    """The version of the rules, for example `2026f`: the year, and which of its changes is the last one they hold."""
    return str(import_module("tzdata").IANA_VERSION)
