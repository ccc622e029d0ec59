from hypothesis import given
from hypothesis import strategies as st

from services.messaging.event_batches import MAX_EVENTS, MAX_PAYLOAD_BYTES, OutgoingEvent, kind_of, pack, unpack


def outgoing(number: int, kind: str = "a.b.c", size: int = 1) -> OutgoingEvent:
    return OutgoingEvent(f"event {number}", f"csms.event.{kind}.entity-{number}", bytes([number % 256]) * size)


def test_events_of_one_kind_share_a_batch_on_the_subject_of_their_kind() -> None:
    events = [outgoing(0), outgoing(1, "a.b.d"), outgoing(2)]
    first, second = pack(events)
    assert (first.subject, unpack(first.payload), list(first.places)) == ("csms.event.a.b.c", [b"\0", b"\2"], [0, 2])
    assert (second.subject, unpack(second.payload), list(second.places)) == ("csms.event.a.b.d", [b"\1"], [1])


def test_batches_are_bounded_in_number_and_bytes() -> None:
    assert [len(batch.places) for batch in pack([outgoing(number) for number in range(600)])] == [256, 256, 88]
    large = [outgoing(number, size=400_000) for number in range(5)]
    assert [len(batch.places) for batch in pack(large)] == [2, 2, 1]
    full = [outgoing(number, size=MAX_PAYLOAD_BYTES // MAX_EVENTS) for number in range(MAX_EVENTS)]
    [batch] = pack(full)
    assert len(batch.payload) < 1024 * 1024 - 10_000


def test_an_event_of_the_greatest_size_has_a_batch_of_its_own() -> None:
    events = [outgoing(0), outgoing(1, size=MAX_PAYLOAD_BYTES), outgoing(2)]
    assert [list(batch.places) for batch in pack(events)] == [[0], [1], [2]]


def test_the_id_of_a_batch_follows_from_all_of_its_events() -> None:
    one, two, three = (outgoing(number) for number in range(3))
    ids = [pack(events)[0].id for events in ([one], [one, two], [one, two], [one, three])]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3


@given(
    st.lists(st.tuples(st.sampled_from(["a.b.c", "a.b.d", "e.f.g"]), st.sampled_from([1, 10, 300_000])), max_size=30)
)
def test_every_event_is_in_one_batch_in_the_order_of_its_kind(kinds: list[tuple[str, int]]) -> None:
    events = [outgoing(number, kind, size) for number, (kind, size) in enumerate(kinds)]
    batches = pack(events)
    places = [place for batch in batches for place in batch.places]
    assert sorted(places) == list(range(len(events)))
    for batch in batches:
        assert unpack(batch.payload) == [events[place].payload for place in batch.places]
        assert {kind_of(events[place].subject) for place in batch.places} == {batch.subject}
    for kind in {event.subject.rsplit(".", 1)[0] for event in events}:
        of_kind = [place for batch in batches if batch.subject == kind for place in batch.places]
        assert of_kind == sorted(of_kind)
