"""The few bytes of RFC 6455 that the generator speaks, checked against the `websockets` library."""

import base64
import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from simulator.load.websocket import PING, TEXT, BadAnswer, FrameReader, check_answer, client_frame, opening_request


def _decode(frame: bytes) -> Frame:
    """What a server reads from our bytes."""
    stream = StreamReader()
    stream.feed_data(frame)
    parser = Frame.parse(stream.read_exact, mask=True)
    try:
        while True:
            next(parser)
    except StopIteration as done:
        decoded: Frame = done.value
        return decoded


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 2_047, 2_048, 65_535, 65_536, 70_000])
def test_a_server_reads_what_was_framed(length: int) -> None:
    payload = bytes(index % 251 for index in range(length))
    decoded = _decode(client_frame(payload))
    assert (decoded.opcode, bytes(decoded.data), decoded.fin) == (Opcode.TEXT, payload, True)


def test_control_frames_have_their_opcode() -> None:
    assert _decode(client_frame(b"x", PING)).opcode is Opcode.PING


@given(st.lists(st.integers(0, 300), max_size=6), st.integers(1, 400))
@example([65_535, 0, 65_536], 1_400)
def test_frames_are_found_however_the_stream_is_cut(lengths: list[int], step: int) -> None:
    payloads = [bytes([65 + number % 26]) * length for number, length in enumerate(lengths)]
    stream = b"".join(Frame(Opcode.TEXT, payload).serialize(mask=False) for payload in payloads)
    reader = FrameReader()
    found: list[tuple[int, bytes]] = []
    for begin in range(0, len(stream), step):
        found += reader.feed(stream[begin : begin + step])
    assert found == [(TEXT, payload) for payload in payloads]


def _answer(key: bytes, status: str = "101 Switching Protocols", *headers: str) -> bytes:
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    lines = [f"HTTP/1.1 {status}", f"Sec-WebSocket-Accept: {accept}", *headers]
    return "\r\n".join(lines).encode()


def test_the_opening_names_path_subprotocol_and_credentials() -> None:
    request, _ = opening_request("host:4000", "/ocpp/CP1", "ocpp1.6", "Basic eA==")
    head = request.decode()
    assert head.startswith("GET /ocpp/CP1 HTTP/1.1\r\nHost: host:4000\r\n")
    assert "Sec-WebSocket-Protocol: ocpp1.6\r\n" in head
    assert "Authorization: Basic eA==\r\n" in head
    assert head.endswith("\r\n\r\n")


def test_the_right_answer_is_accepted_whatever_the_case_of_its_headers() -> None:
    _, key = opening_request("h", "/", "ocpp1.6", None)
    check_answer(_answer(key, "101 OK", "SEC-WEBSOCKET-PROTOCOL: ocpp1.6"), key, "ocpp1.6")


def test_a_refusal_tells_its_status_and_how_long_to_wait() -> None:
    with pytest.raises(BadAnswer) as refusal:
        check_answer(_answer(b"k", "503 Busy", "Retry-After: 7"), b"k", "ocpp1.6")
    assert (refusal.value.status, refusal.value.retry_after_seconds) == (503, 7.0)


@pytest.mark.parametrize("head", [b"", b"nonsense", b"HTTP/1.1", b"HTTP/1.1 abc"])
def test_what_is_no_http_is_refused(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        check_answer(head, b"k", "ocpp1.6")


def test_another_subprotocol_is_refused() -> None:
    with pytest.raises(BadAnswer, match=r"ocpp2\.0\.1"):
        check_answer(_answer(b"k", "101 OK", "Sec-WebSocket-Protocol: ocpp2.0.1"), b"k", "ocpp1.6")


def test_an_answer_to_somebody_else_is_refused() -> None:
    with pytest.raises(BadAnswer, match="Accept"):
        check_answer(_answer(b"other", "101 OK", "Sec-WebSocket-Protocol: ocpp1.6"), b"k", "ocpp1.6")
