"""What several charge points tell of several transactions, by both versions, and every order in which that may come in.

By OCPP 1.6 a charge point learns the number of its transaction from the answer to the start: what names it cannot come
before. By 2.x anything may come before anything. Every message may come again at any time after its first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from services.transaction.domain.fact import Authorization, EventKind, TransactionEvent, key_of
from tests.unit.services.transaction.facts import (
    T0,
    ended,
    ended_16,
    reading,
    started,
    started_16,
    updated,
)

Say = Callable[[TransactionEvent], TransactionEvent]
_UNKNOWN = ("0", "-1", "")
# What numbers begin with that no platform has given.
INVENTED = "77"


@dataclass(frozen=True)
class Story:
    """One transaction: its start, if that is ever told, and what else there is to tell of it."""

    start: TransactionEvent | None
    rest: tuple[TransactionEvent, ...]
    # Whether the rest can only be told once the start was answered.
    in_order: bool

    @property
    def numbered(self) -> dict[str, int]:
        """The number that the start by OCPP 1.6 has to get, by its key."""
        if self.start is None or not self.in_order:
            return {}
        return {key_of(self.start): number_of(self.start)}


def told_in_order(stories: Sequence[Story]) -> list[TransactionEvent]:
    """Everything once, transaction by transaction."""
    return [event for story in stories for event in (*([story.start] if story.start else ()), *story.rest)]


@st.composite
def tellings(draw: st.DrawFn, stories: Sequence[Story]) -> list[TransactionEvent]:
    """Everything at least once, in any order that charge points can bring about, with any repetitions."""
    waiting = draw(st.permutations(told_in_order(stories)))
    before = {id(event): story.start for story in stories if story.in_order for event in story.rest}
    said: list[TransactionEvent] = []
    while waiting:
        free = [event for event in waiting if before.get(id(event)) is None or before[id(event)] in said]
        said.append(free[0])
        waiting = [event for event in waiting if event is not free[0]]
        if draw(st.integers(0, 3)) == 0:
            said.append(_again(draw(st.sampled_from(said))))
    return said


@st.composite
def many_stories(draw: st.DrawFn) -> list[Story]:
    """Transactions of two charge points at two connectors, one for each card, that may overlap and may never end."""
    # No two begin at the same moment: which of three such ends was the first to be concluded is kept, but never shown.
    begins = draw(st.lists(st.integers(0, 240), min_size=1, max_size=4, unique=True))
    return [_story(draw, number, T0 + timedelta(minutes=begin)) for number, begin in enumerate(begins, 1)]


@st.composite
def nameless_ends(draw: st.DrawFn) -> list[Story]:
    """Transactions by OCPP 1.6, each of a charge point of its own, whose ends do not say what they end; and lone
    ends."""
    stories = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        start = T0 + timedelta(minutes=draw(st.integers(0, 240)))
        of = {"charge_point_id": f"CP{number}"}
        end = ended_16(draw(st.sampled_from(_UNKNOWN)), start + timedelta(minutes=30), connector_id=1, **of)
        begun = draw(st.booleans())
        reported = started_16(start, id_tag=f"TAG{number}", **of) if begun else None
        stories.append(Story(reported, (end,), in_order=begun))
    return stories


def _story(draw: st.DrawFn, number: int, start: datetime) -> Story:
    place = {"charge_point_id": draw(st.sampled_from(["CP1", "CP2"])), "connector_id": draw(st.integers(1, 2))}
    circumstances = {
        "offline": draw(st.booleans()),
        "station_id": draw(st.sampled_from(["", "S"])),
        "received_time": start + timedelta(minutes=draw(st.integers(0, 300))),
    }
    length = timedelta(minutes=draw(st.integers(1, 90)))
    token = {"id_tag": f"TAG{number}", "driver_id": f"D{number}"}
    # Each doubt of the edge is about one event, and stays with the transaction.
    doubts = draw(st.permutations([("clock_corrected",), ("coerced",), ()]))
    # The register may have been reset meanwhile: then it ends below where it began.
    meter_wh = {"meter_wh": draw(st.integers(0, 9000))} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        begun = started_16(start, **place, **token, **circumstances, flags=doubts[0])
        named = {"protocol": "ocpp1.6", "ocpp_transaction_id": str(number_of(begun)), **place}
        end = ended_16(str(number_of(begun)), start + length, **place, **meter_wh, flags=doubts[1])
    else:
        named = {"ocpp_transaction_id": f"T-{number}", **place, "evse_id": place["connector_id"]}
        begun = started(start, **named, **token, **circumstances, flags=doubts[0])
        end = ended(start + length, **named, **meter_wh, seq_no=9, flags=doubts[1])
    between = [
        updated(start + length * share / 10, **named, charging_state=state, readings=_samples(start, energy))
        for share, state, energy in draw(
            st.lists(
                st.tuples(st.integers(0, 12), st.sampled_from(["", "Charging", "SuspendedEV"]), st.integers(0, 6000)),
                max_size=3,
            )
        )
    ]
    rest = (*between, *([end] if draw(st.booleans()) else ()))
    if not begun.is_ocpp_16 and rest and draw(st.integers(0, 4)) == 0:
        return Story(None, rest, in_order=False)
    return Story(begun, rest, in_order=begun.is_ocpp_16)


def _again(event: TransactionEvent) -> TransactionEvent:
    """The same words later and over another connection. If they are an end without a name, its token can be decided
    about by then, and its clock is known to be off by another amount."""
    again = replace(event, received_time=event.received_time + timedelta(hours=6), epoch=event.epoch + 1)
    is_nameless = event.ocpp_transaction_id in _UNKNOWN or event.ocpp_transaction_id.startswith(INVENTED)
    if event.kind is not EventKind.ENDED or not is_nameless:
        return again
    corrected_time = event.corrected_time - timedelta(seconds=5)
    return replace(again, authorization=Authorization.ACCEPTED, driver_id="D", corrected_time=corrected_time)


def _samples(at: datetime, energy_wh: int) -> tuple[object, ...]:
    return (reading(at, energy_wh),)


def number_of(start: TransactionEvent) -> int:
    """A number of its own for each start, whatever comes before it."""
    return 1 + int(key_of(replace(start, ocpp_transaction_id=""))[-6:], 16)
