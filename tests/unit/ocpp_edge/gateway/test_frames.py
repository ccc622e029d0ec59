"""Whole text frames are read and written as the library does it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from ocpp_edge.gateway.frames import text_frame, text_in

_SIZES = [0, 1, 125, 126, 127, 65_535]


def from_client(text: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, text, fin).serialize(mask=True)


def packed(text: bytes) -> bytes:
    frame = from_client(text)
    return bytes([frame[0] | 0x40]) + frame[1:]


@pytest.mark.parametrize("size", _SIZES)
def test_a_whole_text_of_a_client_is_read(size: int) -> None:
    assert text_in(from_client(b"x" * size)) == b"x" * size


@pytest.mark.parametrize("size", [*_SIZES, 65_536, 100_000])
def test_a_text_is_framed_as_the_library_frames_it(size: int) -> None:
    assert text_frame(b"x" * size) == Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        from_client(b"part", fin=False),
        from_client(b"end", Opcode.CONT),
        packed(b"text"),
        from_client(b"bytes", Opcode.BINARY),
        from_client(b"", Opcode.PING),
        from_client(b"\x03\xe8", Opcode.CLOSE),
        from_client(b"x" * 65_536),
        Frame(Opcode.TEXT, b"unmasked").serialize(mask=False),
        from_client(b"one") + from_client(b"two"),
    ],
)
def test_anything_else_is_left_to_the_library(data: bytes) -> None:
    assert text_in(data) is None


@given(st.binary(max_size=300), st.integers(0, 310))
def test_a_part_of_a_frame_is_never_taken_for_a_whole_one(text: bytes, cut: int) -> None:
    frame = from_client(text)
    assert text_in(frame[:cut]) == (text if cut >= len(frame) else None)
