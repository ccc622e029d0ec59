"""Exchanges survive what is done to them: encoded, packed into batches, sorted into segments, compressed."""

import zlib
from collections import defaultdict
from collections.abc import Sequence

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from services.journal import compression
from services.journal.batches import Part, contents_of, packed, part_in, part_of, unpacked
from services.journal.compression import MOST_BYTES, compressed, decompressed
from services.journal.records import NUMBERS, Exchange, decoded, encoded
from services.journal.segments import MOST_BYTES as MOST_IN_SEGMENT
from services.journal.segments import MOST_EXCHANGES, WIDEST_US, segments_of
from services.kernel.ids import is_id
from tests.fixtures import properties  # noqa: F401  # the profile

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_EXCHANGES = st.builds(
    Exchange,
    time_us=st.integers(0, 10 * WIDEST_US),
    number=st.integers(0, NUMBERS - 1),
    message_id=_TEXTS,
    latency_us=st.integers(0, 2**40),
    frame=st.binary(max_size=40),
    answer=st.binary(max_size=40),
    origin=st.just("1f3a9c1b77e2"),
    epoch=st.integers(0, 2**60),
    protocol=st.sampled_from(["ocpp1.6", "ocpp2.1"]),
    is_inbound=st.booleans(),
    kind=st.integers(0, 4),
    answer_kind=st.integers(0, 4),
    action=_TEXTS,
    error_code=_TEXTS,
    note=_TEXTS,
)
_BATCH = st.lists(st.tuples(st.sampled_from(["CP1", "CP2"]), _EXCHANGES), min_size=1, max_size=9)
_BATCHES = st.lists(_BATCH, max_size=9)
USUAL = Exchange(1, 0, "1", 5, b"[2]", b"[3]", "1f3a9c1b77e2", 7, "ocpp1.6", True, 1, 2, "Heartbeat", "", "")


def _packed(exchanges: Sequence[tuple[str, Exchange]]) -> bytes:
    by_charge_point: dict[str, list[Exchange]] = defaultdict(list)
    for name, exchange in exchanges:
        by_charge_point[name].append(exchange)
    return packed(part_of(name, whole) for name, whole in by_charge_point.items())


@given(st.lists(_EXCHANGES, max_size=20))
def test_records_are_read_as_they_were_written(exchanges: list[Exchange]) -> None:
    assert list(decoded(b"".join(map(encoded, exchanges)))) == exchanges


@given(_BATCHES)
def test_segments_hold_what_batches_held(batches: list[list[tuple[str, Exchange]]]) -> None:
    parts = defaultdict(list)
    for batch in map(_packed, batches):
        for part, records in unpacked(batch):
            parts[part.charge_point_id].append((part, records))
    for name in ("CP1", "CP2"):
        found = []
        for segment in segments_of(parts[name]):
            exchanges = list(decoded(decompressed(segment.content)))
            times = [one.time_us for one in exchanges]
            assert (segment.first_us, segment.last_us) == (min(times), max(times))
            assert segment.last_us - segment.first_us <= WIDEST_US
            assert segment.frames == sum(1 + bool(one.answer) for one in exchanges)
            assert segment.actions == {
                action: sum(1 + bool(one.answer) for one in exchanges if one.action == action)
                for action in {one.action for one in exchanges}
            }
            found += exchanges
        assert sorted(found) == sorted(one for batch in batches for whose, one in batch if whose == name)


def test_segments_are_bounded() -> None:
    small = [part_of("CP1", [USUAL._replace(time_us=number)]) for number in range(2 * MOST_EXCHANGES + 1)]
    assert [segment.frames for segment in segments_of(small)] == [2 * MOST_EXCHANGES, 2 * MOST_EXCHANGES, 2]
    large = [part_of("CP1", [USUAL._replace(frame=b"x" * (MOST_IN_SEGMENT // 2))]) for _ in range(3)]
    assert [segment.frames for segment in segments_of(large)] == [2, 2, 2]


def test_a_part_of_a_batch_is_found_by_its_charge_point() -> None:
    batch = _packed([("CP1", USUAL), ("CP2", USUAL._replace(number=1)), ("CP1", USUAL._replace(number=2))])
    assert [one.number for one in decoded(part_in(batch, "CP1"))] == [0, 2]
    assert part_in(batch, "CP3") == b""
    assert contents_of(batch)[:4] == [["CP1", "CP2"], [154, 77], [2, 1], [4, 2]]
    assert unpacked(batch)[1][0] == Part("CP2", 77, 1, 2, 1, 1, {"Heartbeat": 2})


def test_frames_of_one_moment_have_ids_of_their_own_in_the_order_of_their_numbers() -> None:
    ids = [USUAL._replace(time_us=1_700_000_000_000_123, number=number).id for number in range(NUMBERS)]
    assert sorted(set(ids)) == ids
    assert all(map(is_id, ids[:2]))
    later = USUAL._replace(time_us=1_700_000_000_000_124).id
    assert ids[-1] < later


def test_a_single_exchange_is_short_by_the_dictionary() -> None:
    payload = '{"connectorId":1,"errorCode":"NoError","status":"Charging","timestamp":"2026-11-30T17:25:21.509Z"}'
    one = USUAL._replace(frame=f'[2,"1","StatusNotification",{payload}]'.encode(), action="StatusNotification")
    assert len(compressed(encoded(one))) < len(zlib.compress(encoded(one))) / 2


@pytest.mark.parametrize("text", [b"", b"x", b"x" * 100_000])
def test_what_was_compressed_comes_back(text: bytes) -> None:
    assert decompressed(compressed(text)) == text


def test_what_is_damaged_or_none_of_ours_is_told() -> None:
    whole = compressed(b"frame" * 100)
    for text in (b"", b"nonsense", whole[:-1], whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]):
        with pytest.raises(ValueError, match=r"not compressed|too long|dictionary"):
            decompressed(text)


def test_nothing_is_too_long() -> None:
    with pytest.raises(ValueError, match="too long"):
        compressed(bytes(MOST_BYTES + 1))
    with pytest.raises(ValueError, match="too long"):
        decompressed(zstandard.ZstdCompressor().compress(bytes(MOST_BYTES + 1)))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"frame")
    with pytest.raises(ValueError, match="too long"):
        decompressed(unsized)


def test_a_dictionary_that_a_newer_release_wrote_with_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compressed(b"frame" * 100)
    compression._decompressor.cache_clear()
    monkeypatch.setattr(compression, "_FOLDER", compression._FOLDER / "nowhere")
    with pytest.raises(ValueError, match="there is no dictionary 1; a newer release may have it"):
        decompressed(whole)


def test_what_the_first_dictionary_wrote_is_read_for_ever() -> None:
    """These bytes lie in databases."""
    assert decompressed(bytes.fromhex(_FIRST)) == encoded(USUAL)


_FIRST = "28b52ffd25014d35010043020692490261d26941a8bb39e75746b7a44c99362db7244b078402cc1d729400fc55d04eec6a99a3f2"
