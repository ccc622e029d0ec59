"""ocpp_edge.quirks"""

from collections.abc import Iterator

import pytest

from ocpp_edge.quirks import Forgiving, Profile, counting
from ocpp_edge.quirks.forgiving import refused_ids
from services.kernel.quirks import GROUPS, QUIRKS, Needed, Quirk, Scope
from services.kernel.quirks.frames import BAD_CHARACTERS
from services.kernel.quirks.readings import UNIT_SPELLING

SCOPED = Quirk(id="scoped", forgives="A.", clause="b", otherwise="c", scope=(Scope("acme*", "x*", "1.*"),))
NOBODY = Quirk(id="nobody", forgives="A.", clause="b", otherwise="c", scope=())
NEEDED = Quirk(id="needed", forgives="A.", clause="b", scope=(), needed=Needed.DATA_LOST)


def forgiven(quirk: Quirk, label: str) -> float:
    return counting.counter_of(quirk, label).value


def test_everything_is_forgiven_one_of_whom_nothing_is_known() -> None:
    forgives = Forgiving()
    assert [quirk for quirk in QUIRKS.values() if not forgives(quirk)] == list(GROUPS["Asking"])


def test_what_is_switched_off_is_not_forgiven_and_not_counted() -> None:
    forgives = Forgiving(Profile("Strict", off=(UNIT_SPELLING.id,)))
    assert not forgives(UNIT_SPELLING)
    assert forgiven(UNIT_SPELLING, "strict") == 0


def test_what_is_needed_cannot_be_switched_off() -> None:
    assert Forgiving(Profile(off=(BAD_CHARACTERS.id,)))(BAD_CHARACTERS)


def test_a_scope_decides_unless_somebody_switches() -> None:
    quirks = (SCOPED, NOBODY, NEEDED)
    assert refused_ids(Profile(), quirks) == {"scoped", "nobody"}
    assert refused_ids(Profile("Acme", "X1", "1.2"), quirks) == {"nobody"}
    assert refused_ids(Profile("Acme", "X1", "1.2", off=("scoped",)), quirks) == {"scoped", "nobody"}
    assert refused_ids(Profile("Other", on=("scoped", "nobody")), quirks) == frozenset()


def test_quirks_are_counted_by_vendor() -> None:
    forgives = Forgiving(Profile(" Counted\tWorks "))
    before = forgiven(UNIT_SPELLING, "counted works")
    assert forgives(UNIT_SPELLING)
    assert forgives(UNIT_SPELLING)
    assert forgiven(UNIT_SPELLING, "counted works") == before + 2


def test_a_profile_that_changes_holds_for_all_who_share_it() -> None:
    shared = Forgiving()
    shared.become(Profile("Later", off=(UNIT_SPELLING.id,)))
    assert not shared(UNIT_SPELLING)
    assert shared(BAD_CHARACTERS)
    assert forgiven(BAD_CHARACTERS, "later") == 1


@pytest.fixture
def no_vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if no vendor had been seen, and none of those of this test afterwards."""
    monkeypatch.setattr(counting, "_vendors", set())
    counting.vendor_label.cache_clear()
    yield
    counting.vendor_label.cache_clear()


def test_vendors_beyond_so_many_are_others(no_vendors: None) -> None:
    labels = {counting.vendor_label(f"vendor {number}") for number in range(1000)}
    assert len(labels) <= 41
    assert counting.OTHER in labels
    assert counting.vendor_label(" \n\0") == counting.UNKNOWN
    assert len(counting.vendor_label("x" * 10_000)) <= 40
