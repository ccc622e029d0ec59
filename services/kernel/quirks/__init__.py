"""The registry of quirks: every way in which charge points may bend their specification, as data (see docs/quirks.md).

A place that forgives something refers to its quirk by name.
"""

from collections.abc import Iterator, Mapping
from types import ModuleType

from services.kernel.quirks import asking, frames, handshakes, payloads, readings, times, transactions
from services.kernel.quirks.quirk import EVERYBODY, Needed, Quirk, Scope

__all__ = ["EVERYBODY", "GROUPS", "QUIRKS", "Needed", "Quirk", "Scope", "of_flag"]


def _declared(module: ModuleType) -> Iterator[Quirk]:
    return (value for value in vars(module).values() if isinstance(value, Quirk))


# In the order in which a message meets them.
GROUPS: Mapping[str, tuple[Quirk, ...]] = {
    "Handshakes": tuple(_declared(handshakes)),
    "Frames": tuple(_declared(frames)),
    "Payloads": tuple(_declared(payloads)),
    "Times": tuple(_declared(times)),
    "Readings": tuple(_declared(readings)),
    "Transactions": tuple(_declared(transactions)),
    "Asking": tuple(_declared(asking)),
}
QUIRKS: Mapping[str, Quirk] = {quirk.id: quirk for quirks in GROUPS.values() for quirk in quirks}
_FLAGS = frozenset(quirk.flag for quirk in QUIRKS.values() if quirk.flag)


def of_flag(flag: str) -> list[Quirk]:
    """The quirks that raise a flag; none for one that is none of theirs."""
    head, colon, _ = flag.partition(":")
    named = head + colon
    return [quirk for quirk in QUIRKS.values() if quirk.flag == named] if named in _FLAGS else []
