"""Just enough of RFC 6455 for a load generator: the opening request, client frames, server frames.

Pure functions on bytes. Masks are all zeros: legal, and the payload goes out as it is.
"""

import base64
import hashlib
import os
import struct
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASKED, _ZERO_MASK = 0x80, b"\0\0\0\0"


class BadAnswer(Exception):
    """The server did not accept the connection. `status` is its HTTP status, 0 when it sent none."""

    def __init__(self, reason: str, status: int = 0, retry_after_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


def opening_request(host: str, target: str, subprotocol: str, authorization: str | None) -> tuple[bytes, bytes]:
    """The HTTP request that opens a WebSocket, and the key that its answer must prove."""
    key = base64.b64encode(os.urandom(16))
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {subprotocol}",
    ]
    if authorization is not None:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join([*lines, "", ""]).encode(), key


def check_answer(head: bytes, key: bytes, subprotocol: str) -> None:
    """Check the head of the HTTP answer.

    Raises:
        BadAnswer: it is not the 101 that was asked for.
    """
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = status_line.split(" ", 2)
    status = int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0
    if status != 101:
        retry_after = headers.get("retry-after", "")
        raise BadAnswer(f"HTTP {status}", status, float(retry_after) if retry_after.isdecimal() else 0.0)
    if headers.get("sec-websocket-accept") != base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode():
        raise BadAnswer("wrong Sec-WebSocket-Accept", status)
    if headers.get("sec-websocket-protocol") != subprotocol:
        raise BadAnswer(f"subprotocol {headers.get('sec-websocket-protocol')!r}", status)


def frame_head(length: int, opcode: int = TEXT) -> bytes:
    """What stands before a client's payload of `length` bytes."""
    if length < 126:
        return bytes((opcode, _MASKED | length)) + _ZERO_MASK
    if length < 1 << 16:
        return struct.pack("!BBH", opcode, _MASKED | 126, length) + _ZERO_MASK
    return struct.pack("!BBQ", opcode, _MASKED | 127, length) + _ZERO_MASK


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A whole client frame."""
    length = len(payload)
    head = _TEXT_HEADS.get(length) if opcode == TEXT else None
    return (head or frame_head(length, opcode)) + payload


_TEXT_HEADS = {length: frame_head(length) for length in range(2_048)}


class FrameReader:
    """Cuts a byte stream into server frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The frames completed by `data`: first byte (FIN and opcode) and payload. Consume it fully."""
        data = self._rest + data if self._rest else data
        begin, available = 0, len(data)
        while available - begin >= 2:
            length, head = data[begin + 1] & 0x7F, 2
            if length >= 126:
                head = 4 if length == 126 else 10
                if available - begin < head:
                    break
                length = int.from_bytes(data[begin + 2 : begin + head], "big")
            end = begin + head + length
            if end > available:
                break
            yield data[begin], data[begin + head : end]
            begin = end
        self._rest = data[begin:]
