"""services.station.domain.device_variable: what is known of a variable, whatever order it was told in."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.station.domain.device_variable import (
    AttributeType,
    Description,
    DeviceVariable,
    Mutability,
    Observation,
    Place,
    ReportedVariable,
    Telling,
    VariableChange,
    folded,
    observed,
    variable_id,
)
from tests.unit.services.station.samples import NOW

PLACE = Place("OCPPCommCtrlr", "", 0, 0, "HeartbeatInterval", "", AttributeType.ACTUAL)
OTHER = PLACE._replace(variable="MessageTimeout", variable_instance="Default")


def telling(
    value: str | None,
    at: float,
    *,
    place: Place = PLACE,
    event: str = "",
    description: Description | None = None,
    tells_value: bool = True,
    is_unknown: bool = False,
) -> Observation:
    time = NOW + timedelta(seconds=at)
    reported = ReportedVariable(
        place=place, value=value, tells_value=tells_value, is_unknown=is_unknown, description=description
    )
    return Observation("CP1", reported, Telling(time, time, event or f"event {at} {value}"), "NotifyReport")


def known(*observations: Observation) -> DeviceVariable:
    [variable] = folded({}, observations).variables.values()
    return variable


def seconds(variable: DeviceVariable) -> tuple[float | None, ...]:
    """When it was first seen, reported, and changed."""
    times = (variable.first_seen_time, variable.reported_time, variable.changed_time)
    return tuple(None if time is None else (time - NOW).total_seconds() for time in times)


def test_the_newest_value_stays_with_the_one_before() -> None:
    variable = known(telling("60", 1), telling("60", 2), telling("300", 5), telling("300", 9))
    assert (variable.value, variable.previous_value) == ("300", "60")
    assert seconds(variable) == (1, 9, 5)
    assert variable.previous_telling is not None
    assert variable.previous_telling.time == NOW + timedelta(seconds=2)
    assert variable.value_telling is not None
    assert variable.value_telling.event_id == "event 9 300"


def history(*observations: Observation) -> list[tuple[str | None, str | None, float]]:
    """The changes as a list shows them: what each came after, what it came to, and when."""
    changes: set[VariableChange] = set()
    variables: dict[str, DeviceVariable] = {}
    for seen in observations:
        after = folded(variables, [seen])
        variables |= after.variables
        changes |= set(after.changes)
    shown = []
    before: str | None = None
    for place, change in enumerate(sorted(changes, key=lambda change: change.telling)):
        before = change.previous_value if place == 0 else before
        if change.value != before:
            shown.append((before, change.value, (change.telling.time - NOW).total_seconds()))
        before = change.value
    return shown


def test_each_value_that_took_the_place_of_another_is_a_change() -> None:
    values = [
        telling("60", 1),
        telling("60", 2),
        telling("300", 5),
        telling("300", 9),
        telling("60", 12),
        telling(None, 15),
    ]
    assert history(*values) == [("60", "300", 5), ("300", "60", 12), ("60", None, 15)]
    assert folded({}, values).changes[0].telling.event_id == "event 5 300"
    assert history(telling("60", 1), telling("60", 2)) == history(telling("60", 1)) == []


def test_what_is_told_late_finds_its_place_among_the_changes() -> None:
    first, between, last = telling("A", 1), telling("C", 2), telling("B", 3)
    for order in ([first, last, between], [between, last, first], [last, between, first], [last, first, between]):
        expected = [("A", "C", 2), ("C", "B", 3)]
        # Of what came after two newer values it is not known what was before.
        assert history(*order) in (expected, expected[1:]), order
    assert history(first, last, between) == [("A", "C", 2), ("C", "B", 3)]
    # One that was told before and afterwards became it twice.
    assert history(first, telling("A", 3), between) == [("A", "C", 2), ("C", "A", 3)]
    # It was so earlier than was known, and told again it is no other change.
    assert history(first, telling("B", 5), telling("B", 3), telling("B", 5), telling("B", 4)) == [("A", "B", 3)]


def test_an_old_report_never_takes_the_place_of_a_newer_one() -> None:
    variable = known(telling("300", 9), telling("60", 1))
    assert (variable.value, variable.previous_value) == ("300", "60")
    assert seconds(variable) == (1, 9, 9)


def test_of_what_was_told_at_the_same_time_what_came_last_counts() -> None:
    first, last = telling("60", 1, event="b"), telling("61", 1, event="a")
    last = Observation("CP1", last.reported, last.telling._replace(received_time=NOW + timedelta(days=1)), "x")
    assert known(first, last).value == known(last, first).value == "61"


def test_names_are_the_same_in_letters_of_both_cases() -> None:
    shouted = PLACE._replace(component="ocppcommctrlr", variable="HEARTBEATINTERVAL")
    assert variable_id("CP1", shouted) == variable_id("CP1", PLACE) != variable_id("CP2", PLACE)
    assert known(telling("60", 1), telling("61", 2, place=shouted)).value == "61"


def test_what_tells_no_value_leaves_it() -> None:
    described = Description(mutability=Mutability.WRITE_ONLY)
    variable = known(telling("***", 1), telling(None, 5, tells_value=False, description=described))
    assert (variable.value, variable.description) == ("***", described)
    assert seconds(variable) == (1, 5, 1)
    # To be told that it has none is something else.
    assert known(telling("60", 1), telling(None, 5)).value is None


def test_what_is_told_beside_the_value_is_of_the_newest_report_that_tells_it() -> None:
    old, new = Description(unit="min", data_type="integer"), Description(unit="s", data_type="integer")
    assert known(telling("1", 1, description=new), telling("2", 9), telling("0", 0, description=old)).description == new


def test_what_does_not_exist_is_not_known_unless_it_was() -> None:
    assert folded({}, [telling(None, 1, is_unknown=True)]) == ({}, [])
    variable = known(telling("60", 1), telling(None, 5, is_unknown=True), telling(None, 3, is_unknown=True))
    assert variable.absent_time == NOW + timedelta(seconds=5)
    assert seconds(variable) == (1, 1, 1)


OBSERVATIONS = st.lists(
    st.builds(
        telling,
        st.sampled_from(["60", "61", "62", None]),
        st.integers(0, 6),
        place=st.sampled_from([PLACE, OTHER]),
        event=st.sampled_from(["a", "b"]),
        description=st.sampled_from([None, Description(unit="s"), Description(unit="min")]),
        tells_value=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda seen: (seen.telling, seen.reported.place),
)


@given(OBSERVATIONS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_makes_the_same(observations: list[Observation], random: object) -> None:
    others = [*observations, *observations]
    random.shuffle(others)  # type: ignore[attr-defined]  # of random.Random
    straight, mixed = folded({}, observations).variables, one_by_one(others)
    assert straight.keys() == mixed.keys()
    for name, variable in straight.items():
        other = mixed[name]
        same = ("place", "value", "value_telling", "previous_value", "previous_telling", "description")
        assert {one: getattr(variable, one) for one in same} == {one: getattr(other, one) for one in same}
        assert (variable.first_seen_time, variable.reported_time) == (other.first_seen_time, other.reported_time)
        assert_changed_between(other)


@given(OBSERVATIONS, st.randoms(use_true_random=False))
def test_changes_end_with_the_value_that_is_known_whatever_came_first(
    observations: list[Observation], random: object
) -> None:
    mine = [seen for seen in observations if seen.reported.place == PLACE]
    others = [*mine, *mine]
    random.shuffle(others)  # type: ignore[attr-defined]  # of random.Random
    if not mine:
        return
    straight, mixed = history(*sorted(mine, key=lambda seen: seen.telling)), history(*others)
    value = known(*mine).value
    for changes in (straight, mixed):
        assert all(before != after for before, after, _ in changes)
        assert all(one[1] == following[0] for one, following in pairwise(changes))
        assert not changes or changes[-1][1] == value
    # Nothing is made up: each came when it was told, and at least the last is known.
    assert {after for _, after, _ in mixed} <= {seen.reported.value for seen in mine}
    assert bool(straight) == bool(mixed)


@given(
    st.lists(st.sampled_from(["60", "61"]), min_size=2, max_size=2),
    st.permutations([0, 1]),
    st.integers(1, 3),
)
def test_two_reports_make_the_same_to_the_last_field(values: list[str], order: list[int], times: int) -> None:
    reports = [telling(value, at) for at, value in enumerate(values)]
    assert one_by_one([reports[place] for place in order] * times) == folded({}, reports).variables


def one_by_one(observations: Sequence[Observation]) -> dict[str, DeviceVariable]:
    """Each in a batch of its own."""
    variables: dict[str, DeviceVariable] = {}
    for seen in observations:
        after = observed(variables.get(seen.variable_id), seen)
        assert after is not None
        variables[after.id] = after
    return variables


def assert_changed_between(variable: DeviceVariable) -> None:
    """The value was told first after the other one was told last, and not later than it was told last itself."""
    if variable.value_telling is None:
        assert variable.changed_time is None
        return
    assert variable.changed_time is not None
    assert variable.changed_time <= variable.value_telling.time
    if variable.previous_telling is not None:
        assert variable.previous_telling.time <= variable.changed_time
