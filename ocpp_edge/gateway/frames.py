"""The two WebSocket frames that nearly all traffic is made of: a whole text from a client, and a whole text to it.

Everything else (fragments, pings, closes, compression, half a frame) is the library's.
"""

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where the library was built with it

# RFC 6455 section 5.2: FIN with opcode 1, no reserved bit; what the two greatest lengths stand for.
_WHOLE_TEXT = 0x81
_MASKED = 0x80
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 127
_MASK_BYTES = 4


def text_in(data: bytes) -> bytes | None:
    """The text in `data` when this is just one whole, masked text frame of less than 64 KiB; None for anything else."""
    if len(data) < 6 or data[0] != _WHOLE_TEXT or data[1] < _MASKED:
        return None
    length, start = data[1] - _MASKED, 2
    if length == _IN_TWO_BYTES:
        length, start = int.from_bytes(data[2:4]), 4
    elif length == _IN_EIGHT_BYTES:
        return None
    end_of_mask = start + _MASK_BYTES
    if len(data) != end_of_mask + length:
        return None
    return apply_mask(data[end_of_mask:], data[start:end_of_mask])


def text_frame(text: bytes) -> bytes:
    """`text` as a whole frame of a server."""
    length = len(text)
    if length < _IN_TWO_BYTES:
        return b"\x81%c%b" % (length, text)
    if length < 0x10000:
        return b"\x81\x7e%b%b" % (length.to_bytes(2), text)
    return b"\x81\x7f%b%b" % (length.to_bytes(8), text)
