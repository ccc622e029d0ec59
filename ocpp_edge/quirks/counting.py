"""How often each quirk was forgiven, by vendor: of so many vendors as a page of numbers bears."""

from functools import cache, lru_cache

from services.kernel.quirks import Quirk
from services.process import metrics
from services.process.metrics import Counter

UNKNOWN, OTHER = "unknown", "other"
# Vendors are what charge points say: anybody may say anything.
_MOST_VENDORS, _LONGEST_VENDOR = 40, 40
_vendors: set[str] = set()


@lru_cache(1024)
def vendor_label(vendor: str) -> str:
    """A vendor as its numbers name it."""
    words = "".join(character if character.isprintable() else " " for character in vendor[:200]).split()
    label = " ".join(words)[:_LONGEST_VENDOR].casefold()
    if not label:
        return UNKNOWN
    if label not in _vendors:
        if len(_vendors) >= _MOST_VENDORS:
            return OTHER
        _vendors.add(label)
    return label


@cache
def counter_of(quirk: Quirk, label: str) -> Counter:
    """The number of times that a quirk of a vendor was forgiven."""
    return metrics.counter(
        "ocpp_quirks_total", "What was forgiven, by quirk (docs/quirks.md) and vendor.", rule=quirk.id, vendor=label
    )
