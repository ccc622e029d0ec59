"""What is missing of a transaction by the numbers of its events."""

from datetime import UTC, datetime, timedelta

import pytest

from services.transaction.domain.sequence import SequenceGap, missing_numbers, next_look

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("numbers", "beside", "missing"),
    [
        ([], [], ()),
        ([5], [], ()),
        ([0, 0, 0], [], ()),
        ([2, 0, 1], [], ()),
        ([0, 5], [], ("1-4",)),
        ([7, 9, 12, 13], [], ("8", "10-11")),
        ([7, 9, 12], [8, 10, 11, 40], ()),
        ([7, 9, 12], [8, 10], ("11",)),
        # Each is counted alone: what the other has says nothing.
        ([0, 5], [0, 1, 2], ("1-4",)),
        ([0, 2**31 - 1], [], (f"1-{2**31 - 2}",)),
        (range(0, 1000, 2), [], tuple(str(number) for number in range(1, 201, 2))),
    ],
)
def test_what_lies_between_and_nobody_has_is_missing(
    numbers: list[int], beside: list[int], missing: tuple[str, ...]
) -> None:
    assert missing_numbers(numbers, beside) == missing


def _gap() -> SequenceGap:
    return SequenceGap(
        transaction_id="t",
        charge_point_id="CP1",
        tenant_id="default",
        begin_time=NOW,
        missing=("1",),
        found_time=NOW,
        look_time=NOW,
    )


def test_it_is_looked_for_ever_more_seldom_and_then_no_more() -> None:
    gap, now, waits = _gap(), NOW, []
    while gap.look_time is not None:
        now = gap.look_time
        gap = gap.looked(("1",), now)
        if gap.look_time is not None:
            waits.append(gap.look_time - now)
    assert waits == sorted(waits)
    assert timedelta(days=6) < now - NOW < timedelta(days=8)
    assert next_look(len(waits) + 1, now) is None


def test_what_came_is_not_asked_for_again() -> None:
    healed = _gap().looked((), NOW)
    assert (healed.look_time, healed.healed_time, healed.wants_asking) == (None, NOW, False)
    assert _gap().answered(True, NOW).wants_asking
    assert not _gap().answered(False, NOW).wants_asking
