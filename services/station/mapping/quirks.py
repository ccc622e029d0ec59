"""What charge points are forgiven, in the words of the contract."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from csms.station.v1 import quirk_pb2 as quirk_pb
from services.kernel.quirks import QUIRKS
from services.station.domain.quirks import QuirkProfile, Switch


def quirks_to_proto(profile: QuirkProfile) -> Iterator[quirk_pb.Quirk]:
    """Every quirk, and what holds of it for a charge point."""
    for quirk in QUIRKS.values():
        yield quirk_pb.Quirk(
            id=quirk.id,
            forgives=quirk.forgives,
            clause=quirk.clause,
            flag=quirk.flag,
            forgiven=profile.forgives(quirk),
            forgiven_by_default=profile.forgives_by_default(quirk),
            needed=quirk.needed or "",
            otherwise=quirk.otherwise,
        )


def switches_of(messages: Iterable[quirk_pb.QuirkSwitch]) -> list[Switch]:
    """What an operator switches."""
    return [Switch(message.id, message.forgiven if message.HasField("forgiven") else None) for message in messages]


@lru_cache(maxsize=4096)
def profile_to_proto(profile: QuirkProfile) -> quirk_pb.QuirkProfile | None:
    """What the edge has to know of a charge point to forgive it; None when nothing is known. Not to be changed:
    all charge points of a kind get the same one."""
    message = quirk_pb.QuirkProfile(
        vendor=profile.vendor,
        model=profile.model,
        firmware_version=profile.firmware_version,
        on=profile.on,
        off=profile.off,
    )
    return message if message.ByteSize() else None
