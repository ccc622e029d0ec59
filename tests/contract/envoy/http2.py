"""HTTP/2 by hand, for what no client library sends: trailers behind a request, calls without the headers of gRPC."""

import socket
import struct
from collections.abc import Sequence
from typing import BinaryIO

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
_EMPTY_MESSAGE = struct.pack(">BI", 0, 0)
_HEAD = struct.Struct(">BHBBI")
_ANSWER_SECONDS = 30

Header = tuple[str, str]


def is_answered(address: tuple[str, int], headers: Sequence[Header], trailers: Sequence[Header] = ()) -> bool:
    """Whether a call with an empty gRPC message is answered by a message; what fails is answered by headers only."""
    with socket.create_connection(address, _ANSWER_SECONDS) as connection:
        request = _block(headers, 0) + _frame(_DATA, 0 if trailers else _END_STREAM, 1, _EMPTY_MESSAGE)
        rest = _block(trailers, _END_STREAM) if trailers else b""
        connection.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + request + rest)
        with connection.makefile("rb") as received:
            return _has_data(received)


def _has_data(received: BinaryIO) -> bool:
    while head := received.read(_HEAD.size):
        high, low, kind, flags, stream = _HEAD.unpack(head)
        received.read(high << 16 | low)
        if kind == _DATA:
            return True
        if kind in (_RST_STREAM, _GOAWAY) or (stream and flags & _END_STREAM):
            return False
    return False


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return _HEAD.pack(len(content) >> 16, len(content) & 0xFFFF, kind, flags, stream) + content


def _block(headers: Sequence[Header], flags: int) -> bytes:
    """Headers as they are, outside of any table (RFC 7541 section 6.2.2); each of their parts below 127 bytes."""
    parts = [part.encode("latin-1") for header in headers for part in header]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    content = b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs)
    return _frame(_HEADERS, flags | _END_HEADERS, 1, content)
