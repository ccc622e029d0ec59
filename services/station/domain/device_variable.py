"""The device model of a charge point: what is known of a variable, folded from all that was told of it.

Pure. Whatever order reports come in, and however often, the newest value stays, with the one before it; what is known
is the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from services.kernel.ids import derived_id

_EVERYWHERE = 0


class AttributeType(StrEnum):
    """Which of the values of a variable."""

    ACTUAL = "ACTUAL"
    TARGET = "TARGET"
    MIN_SET = "MIN_SET"
    MAX_SET = "MAX_SET"


class Mutability(StrEnum):
    """Who may do what with a value."""

    READ_ONLY = "READ_ONLY"
    WRITE_ONLY = "WRITE_ONLY"
    READ_WRITE = "READ_WRITE"


class Place(NamedTuple):
    """What names an attribute of a variable within its charge point, as it was written."""

    component: str
    component_instance: str
    evse_id: int
    connector_id: int
    variable: str
    variable_instance: str
    attribute_type: AttributeType


class Telling(NamedTuple):
    """When something was told, and by which event. Of two tellings the greater one is the newer."""

    time: datetime
    received_time: datetime
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is told of an attribute beside its value; None for what is not told, empty texts likewise."""

    mutability: Mutability | None = None
    persistent: bool | None = None
    constant: bool | None = None
    unit: str = ""
    data_type: str = ""
    min_limit: float | None = None
    max_limit: float | None = None
    values_list: str = ""
    supports_monitoring: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedVariable:
    """What one message tells of one attribute. `value` counts only when it `tells_value`; one that `is_unknown` is told
    not to exist, and nothing else."""

    place: Place
    value: str | None = None
    tells_value: bool = True
    is_unknown: bool = False
    description: Description | None = None


@dataclass(frozen=True)
class Observation:
    """Something that is told of an attribute of a charge point, when and by what."""

    charge_point_id: str
    reported: ReportedVariable
    telling: Telling
    action: str

    @cached_property
    def variable_id(self) -> str:
        return variable_id(self.charge_point_id, self.reported.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceVariable:
    """What is known of one attribute.

    `value_telling` is of the newest that told a value; `previous_telling` of the newest that told another value than
    that, which is `previous_value`. `changed_time` is when `value` was told first since. `absent_time` is when the
    charge point said last that it has no such thing.
    """

    id: str
    charge_point_id: str
    place: Place
    first_seen_time: datetime
    reported_time: datetime
    absent_time: datetime | None = None
    value: str | None = None
    value_telling: Telling | None = None
    action: str = ""
    changed_time: datetime | None = None
    previous_value: str | None = None
    previous_telling: Telling | None = None
    description: Description = Description()
    description_telling: Telling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableChange:
    """That `value` took the place of `previous_value`. `telling` is when it was told first, and by which event."""

    charge_point_id: str
    variable_id: str
    value: str | None
    previous_value: str | None
    telling: Telling
    action: str


class Folded(NamedTuple):
    """What is known after some observations, by id, and which changes of values they add."""

    variables: Mapping[str, DeviceVariable]
    changes: Sequence[VariableChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenVariable:
    """A variable as a list shows it: since when it is gone, None while it is there."""

    variable: DeviceVariable
    gone_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceVariableFilter:
    """Which variables of a charge point a list holds; an empty or None field does not narrow it."""

    charge_point_id: str
    component: str = ""
    variable: str = ""
    text: str = ""
    attribute_type: AttributeType | None = None
    changed_since: datetime | None = None
    evse_id: int = _EVERYWHERE
    gone: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableChangeFilter:
    """Which changes of a variable a list holds; None does not narrow it."""

    charge_point_id: str
    variable_id: str
    time_from: datetime | None = None
    time_to: datetime | None = None


def variable_id(charge_point_id: str, place: Place) -> str:
    """The id of an attribute: the same however its names are written (OCPP 2.0.1 part 2: identifiers are compared
    without regard to case; so are the keys of OCPP 1.6, which are of type CiString)."""
    return derived_id(charge_point_id, *[part.casefold() if isinstance(part, str) else part for part in place])


def folded(known: Mapping[str, DeviceVariable], observations: Sequence[Observation]) -> Folded:
    """What is known of the attributes that the observations are about; of those that were only told not to exist
    nothing, unless they are `known`."""
    after: dict[str, DeviceVariable] = {}
    changes: list[VariableChange] = []
    for seen in observations:
        name = seen.variable_id
        before = after.get(name) or known.get(name)
        variable = observed(before, seen)
        if variable is not None:
            after[name] = variable
            if before is not None:
                changes += changes_by(seen, before, variable)
    return Folded(after, changes)


def changes_by(seen: Observation, before: DeviceVariable, after: DeviceVariable) -> Iterator[VariableChange]:
    """The changes that an observation adds to those known `before`. A first value is none.

    In the order of their times, several in a row of one value are one change, and what one says to have been before is
    the value of the one before it: so changes may be told in any order. Of what is told later than two newer values
    nothing is known but that it was told.
    """
    telling, latest, value = seen.telling, before.value_telling, seen.reported.value
    if latest is None or not seen.reported.tells_value or telling == latest:
        return

    def change(value: str | None, previous: str | None, telling: Telling, action: str) -> VariableChange:
        return VariableChange(
            charge_point_id=before.charge_point_id,
            variable_id=before.id,
            value=value,
            previous_value=previous,
            telling=telling,
            action=action,
        )

    if telling > latest:
        if value != before.value:
            yield change(value, before.value, telling, seen.action)
        return
    earlier = before.previous_telling
    if earlier is not None and telling < earlier:
        return
    if value == before.value:
        # It changed earlier than was known.
        if earlier is not None and after.changed_time != before.changed_time:
            yield change(value, before.previous_value, telling, seen.action)
        return
    was_reported_before = before.changed_time is not None and before.changed_time < telling.time
    if was_reported_before:
        yield change(value, before.value, telling, seen.action)
    elif earlier is not None and value != before.previous_value:
        yield change(value, before.previous_value, telling, seen.action)
    yield change(before.value, value, latest._replace(time=after.changed_time or latest.time), before.action)


def observed(known: DeviceVariable | None, seen: Observation) -> DeviceVariable | None:
    """`known` after one more observation; None while there is nothing to know."""
    time = seen.telling.time
    if seen.reported.is_unknown:
        return None if known is None else replace(known, absent_time=_latest(known.absent_time, time))
    # All that changes at once: to make one of these anew takes most of the time that a long report costs here.
    changes: dict[str, Any] = {}
    if known is None:
        known = DeviceVariable(
            id=seen.variable_id,
            charge_point_id=seen.charge_point_id,
            place=seen.reported.place,
            first_seen_time=time,
            reported_time=time,
        )
    else:
        changes["first_seen_time"] = min(known.first_seen_time, time)
        changes["reported_time"] = max(known.reported_time, time)
    if seen.reported.tells_value:
        changes |= _with_value(known, seen)
    description, described = seen.reported.description, known.description_telling
    if description is not None and (described is None or seen.telling > described):
        changes |= {"description": description, "description_telling": seen.telling}
    return replace(known, **changes) if changes else known


def _with_value(known: DeviceVariable, seen: Observation) -> dict[str, Any]:
    """What is another by the value that is told."""
    value, telling, latest = seen.reported.value, seen.telling, known.value_telling
    is_same = value == known.value
    if latest is None or telling > latest:
        newest = {"value": value, "value_telling": telling, "action": seen.action}
        if latest is None:
            return {**newest, "changed_time": telling.time}
        if is_same:
            return newest
        before = {"previous_value": known.value, "previous_telling": latest}
        return {**newest, **before, "changed_time": telling.time}
    if known.previous_telling is not None and telling < known.previous_telling:
        return {}
    changed = known.changed_time or latest.time
    if is_same:
        return {"changed_time": min(changed, telling.time)}
    # Of several times that the value was told since, only the first and the last are known.
    changed = changed if changed >= telling.time else latest.time
    return {"previous_value": value, "previous_telling": telling, "changed_time": changed}


def _latest(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
