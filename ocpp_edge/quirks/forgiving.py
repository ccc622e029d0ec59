"""Which quirks are forgiven one charge point. Only asked where something is wrong: what is valid never comes here."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from ocpp_edge.quirks.counting import counter_of, vendor_label
from services.kernel.quirks import QUIRKS, Quirk

_MOST_PROFILES = 1024


class Profile(NamedTuple):
    """What decides which quirks are forgiven: what a charge point is, and what an operator has switched for it."""

    vendor: str = ""
    model: str = ""
    firmware: str = ""
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()


UNKNOWN = Profile()


class _Verdict(NamedTuple):
    vendor: str
    refused: frozenset[str]


@lru_cache(_MOST_PROFILES)
def _verdict(profile: Profile) -> _Verdict:
    return _Verdict(profile.vendor, refused_ids(profile, QUIRKS.values()))


def refused_ids(profile: Profile, quirks: Iterable[Quirk]) -> frozenset[str]:
    """The quirks that are not forgiven. Those that are needed are, whatever was switched."""
    return frozenset(quirk.id for quirk in quirks if not _is_on(quirk, profile))


def _is_on(quirk: Quirk, profile: Profile) -> bool:
    if quirk.needed is not None or quirk.id in profile.on:
        return True
    return quirk.id not in profile.off and quirk.covers(profile.vendor, profile.model, profile.firmware)


class Forgiving:
    """What is forgiven the charge point of one connection. Its parts share it, and see when the profile changes."""

    __slots__ = ("_verdict",)

    def __init__(self, profile: Profile = UNKNOWN) -> None:
        self._verdict = _verdict(profile)

    def become(self, profile: Profile) -> None:
        """Go by another profile from now on."""
        self._verdict = _verdict(profile)

    def __call__(self, quirk: Quirk) -> bool:
        """Whether a quirk that has shown itself is forgiven; if so it is counted."""
        vendor, refused = self._verdict
        if quirk.id in refused:
            return False
        counter_of(quirk, vendor_label(vendor)).add()
        return True
