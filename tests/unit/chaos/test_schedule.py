from collections import Counter
from itertools import pairwise

import pytest

from chaos.schedule import Fault, FaultKind, Landscape, schedule

PROCESSES = ("edge", "edge-2", "billing", "transaction", "transaction-2", "postgres", "nats", "envoy")
LINKS = ("chargers", "nats", "postgres", "transaction")
LANDSCAPE = Landscape(PROCESSES, LINKS, [("transaction", "transaction-2"), ("nats",)])


def struck(faults: list[Fault], kind: FaultKind) -> Counter[tuple[str, ...]]:
    return Counter(fault.targets for fault in faults if fault.kind is kind)


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another() -> None:
    assert schedule(LANDSCAPE, 180, 7) == schedule(LANDSCAPE, 180, 7)
    assert schedule(LANDSCAPE, 180, 7) != schedule(LANDSCAPE, 180, 8)


@pytest.mark.parametrize("seed", range(20))
def test_the_shortest_run_has_every_kind_of_fault_at_every_target(seed: int) -> None:
    faults = schedule(LANDSCAPE, 60, seed)
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert struck(faults, FaultKind.KILL) == Counter((name,) for name in PROCESSES)
    assert struck(faults, FaultKind.BLACKOUT) == {PROCESSES: 1}
    for kind in (FaultKind.STALL, FaultKind.CUT, FaultKind.TEAR):
        assert struck(faults, kind) == Counter((link,) for link in LINKS)
    assert struck(faults, FaultKind.FILL) == {("transaction", "transaction-2"): 1, ("nats",): 1}


@pytest.mark.parametrize("seed", range(20))
def test_faults_come_in_order_within_the_run_with_quiet_at_both_ends(seed: int) -> None:
    faults = schedule(LANDSCAPE, 120, seed)
    assert all(earlier.at_seconds <= later.at_seconds for earlier, later in pairwise(faults))
    assert faults[0].at_seconds >= 5
    assert faults[-1].at_seconds <= 115


def test_what_is_held_is_held_for_seconds_and_what_is_not_for_none() -> None:
    for fault in schedule(LANDSCAPE, 120, 1):
        is_held = fault.kind in (FaultKind.FREEZE, FaultKind.STALL, FaultKind.FILL)
        assert 2 <= fault.seconds <= 5 if is_held else fault.seconds == 0


def test_a_longer_run_has_more_faults_and_not_only_more_time() -> None:
    short, long = (schedule(LANDSCAPE, seconds, 1) for seconds in (120, 1200))
    assert len(long) >= 5 * len(short)
    assert struck(long, FaultKind.KILL)["postgres",] >= 5


def test_a_run_too_short_for_any_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 12 seconds"):
        schedule(LANDSCAPE, 12, 1)
