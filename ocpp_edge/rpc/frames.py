"""OCPP-J framing: bytes to messages and back (OCPP-J 1.6 section 4, OCPP 2.0.1 and 2.1 part 4 section 4).

Knows the envelope only; payloads are judged by schemas.py, what a message means by session.py. Never raises on input.

A bad character never costs a frame: what was read without it says so in its `flags`.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.characters import read_again, without_nuls
from ocpp_edge.rpc.errors import MAX_DESCRIPTION, Fault
from ocpp_edge.versions import Version
from services.kernel.quirks import frames as quirks

Payload = dict[str, Any]

MAX_FRAME_BYTES = 512 * 1024
# The specifications say 36; stations with longer ones are understood all the same (the quirk LONG_ID).
MAX_MESSAGE_ID = 255
MAX_ACTION = 64
# No message of OCPP goes half as deep.
MAX_DEPTH = 32
BAD_CHARACTERS = quirks.BAD_CHARACTERS.flag
NESTED_TOO_DEEP = quirks.NESTED_TOO_DEEP.flag
# What a CALLERROR carries when the id of the message could not be read (OCPP 2.0.1 part 4 section 4.2.3).
UNREADABLE_ID = "-1"


class VerbatimPayload(Payload):
    """A payload that goes out as `text`, character by character."""

    __slots__ = ("text",)

    def __init__(self, payload: Payload, text: str) -> None:
        super().__init__(payload)
        self.text = text


class MessageType(IntEnum):
    """First element of every message."""

    CALL = 2
    CALL_RESULT = 3
    CALL_ERROR = 4
    CALL_RESULT_ERROR = 5  # 2.1: "your CALLRESULT was bad"
    SEND = 6  # 2.1: a request without an answer


class NumberId(str):
    """The id of a message that its sender wrote as a number, and finds again when the answer does so too."""

    __slots__ = ()


class Call(NamedTuple):
    """A request that wants an answer."""

    message_id: str
    action: str
    payload: Payload
    flags: tuple[str, ...] = ()


class CallResult(NamedTuple):
    """The answer to a request."""

    message_id: str
    payload: Payload
    flags: tuple[str, ...] = ()


class CallError(NamedTuple):
    """A request refused. Codes are kept as sent: stations invent their own."""

    message_id: str
    code: str
    description: str
    details: Payload


class CallResultError(NamedTuple):
    """An answer refused (OCPP 2.1)."""

    message_id: str
    code: str
    description: str
    details: Payload


class Send(NamedTuple):
    """A request without an answer (OCPP 2.1)."""

    message_id: str
    action: str
    payload: Payload
    flags: tuple[str, ...] = ()


class FrameError(NamedTuple):
    """Bytes that are no message.

    `message_id` is `UNREADABLE_ID` when it could not be read. `answerable` is false for what purports to be an answer
    or a SEND: those never get a CALLERROR.
    """

    message_id: str
    fault: Fault
    description: str
    answerable: bool


Message = Call | CallResult | CallError | CallResultError | Send
Parsed = Message | FrameError

# The head of a message whose rest is unreadable, so that the sender gets the answer under its own id.
_HEAD = re.compile(rb'\s*\[\s*(\d{1,3})\b(?:\s*,\s*"([^"\\\x00-\x1f]{1,%d})")?' % MAX_MESSAGE_ID)
# An escaped NUL: JSON allows it, but PostgreSQL text cannot hold it, and no OCPP field has a use for it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_BRACKET, _BRACE = b"[{"
_UNANSWERED_TYPES = frozenset(
    {MessageType.CALL_RESULT, MessageType.CALL_ERROR, MessageType.CALL_RESULT_ERROR, MessageType.SEND}
)


def parse(raw: bytes, version: Version, forgives: Forgiving) -> Parsed:
    """The message in one WebSocket frame, or what is wrong with it."""
    if len(raw) > MAX_FRAME_BYTES:
        return _unreadable(raw, Fault.FRAME, f"message larger than {MAX_FRAME_BYTES} bytes")
    flags: tuple[str, ...] = ()
    try:
        message = orjson.loads(raw)
        if b"\\" in raw and _NUL.search(raw):
            message, flags = without_nuls(message), (BAD_CHARACTERS,)
    except orjson.JSONDecodeError:
        try:
            message, flags = read_again(raw), (BAD_CHARACTERS,)
        except ValueError:
            return _unreadable(raw, Fault.FRAME, "message is not valid JSON")
    if type(message) is not list or not message:
        return _unreadable(raw, Fault.FRAME, "message is not a JSON array")
    # Brackets bound the depth, so most messages need no walk.
    if raw.count(_BRACKET) + raw.count(_BRACE) > MAX_DEPTH and deeper_than(message, MAX_DEPTH):
        _flatten(message, MAX_DEPTH)
        flags = (*flags, NESTED_TOO_DEEP)
    kind = message[0]
    build = _BUILDERS[version].get(kind) if type(kind) is int else None
    if build is None:
        return _unreadable(raw, Fault.MESSAGE_TYPE, "unknown message type")
    built = build(message, raw, forgives)
    return _flagged(built, flags, forgives) if flags else built


def _flagged(built: Parsed, flags: tuple[str, ...], forgives: Forgiving) -> Parsed:
    for quirk in (quirks.BAD_CHARACTERS, quirks.NESTED_TOO_DEEP):
        if quirk.flag in flags:
            forgives(quirk)
    return built._replace(flags=flags) if isinstance(built, Call | CallResult | Send) else built


def encode_call(message_id: str, action: str, payload: Mapping[str, Any]) -> bytes:
    """A CALL, in compact JSON. Raises TypeError for a payload that is not JSON."""
    content = orjson.Fragment(payload.text) if isinstance(payload, VerbatimPayload) else payload
    return orjson.dumps((2, message_id, action, content))


def encode_result(message_id: str, payload: Mapping[str, Any]) -> bytes:
    """A CALLRESULT, in compact JSON. Raises TypeError for a payload that is not JSON."""
    return orjson.dumps((3, _as_sent(message_id), payload))


def encode_error(message_id: str, code: str, description: str, details: Mapping[str, Any] | None = None) -> bytes:
    """A CALLERROR; the description is cut to what the specification allows."""
    return orjson.dumps((4, _as_sent(message_id), code, description[:MAX_DESCRIPTION], details or {}))


def encode_result_error(message_id: str, code: str, description: str) -> bytes:
    """A CALLRESULTERROR (OCPP 2.1)."""
    return orjson.dumps((5, message_id, code, description[:MAX_DESCRIPTION], {}))


def _as_sent(message_id: str) -> str | int:
    return message_id if type(message_id) is str else int(message_id)


def _call(message: list[Any], raw: bytes, forgives: Forgiving) -> Parsed:
    if len(message) == 4:
        _, message_id, action, payload = message
        if type(message_id) is int:
            forgives(quirks.NUMBER_AS_ID)
            message_id = NumberId(message_id)
        if (
            type(payload) is dict
            and isinstance(message_id, str)
            and type(action) is str
            and len(message_id) <= MAX_MESSAGE_ID
            and 0 < len(action) <= MAX_ACTION
        ):
            return Call(message_id, action, payload)
    return _bad_request(message, raw, True)


def _send(message: list[Any], raw: bytes, forgives: Forgiving) -> Parsed:
    call = _call(message, raw, forgives)
    return Send(*call) if isinstance(call, Call) else _bad_request(message, raw, False)


def _bad_request(message: list[Any], raw: bytes, answerable: bool) -> FrameError:
    if len(message) != 4:
        return _unreadable(raw, Fault.FRAME, f"a request has 4 elements, not {len(message)}")
    _, message_id, action, _ = message
    if type(message_id) is int:
        message_id = NumberId(message_id)
    if not isinstance(message_id, str) or len(message_id) > MAX_MESSAGE_ID:
        return _unreadable(raw, Fault.FRAME, f"message id is not a string of up to {MAX_MESSAGE_ID} characters")
    if type(action) is not str or not 0 < len(action) <= MAX_ACTION:
        return FrameError(message_id, Fault.FRAME, "action is not a name", answerable)
    return FrameError(message_id, Fault.FORMAT, "payload is not a JSON object", answerable)


def _call_result(message: list[Any], raw: bytes, _forgives: Forgiving) -> Parsed:
    if len(message) == 3 and type(message[1]) is str and type(message[2]) is dict:
        return CallResult(message[1], message[2])
    return _unreadable(raw, Fault.FRAME, "malformed CALLRESULT")


def _error(
    build: type[CallError] | type[CallResultError], message: list[Any], raw: bytes, forgives: Forgiving
) -> Parsed:
    """Stations leave out the last elements, or send null or text where an object belongs; the code is what counts."""
    if not 3 <= len(message) <= 5 or type(message[1]) is not str:
        return _unreadable(raw, Fault.FRAME, "malformed error message")
    code, description, details = (*message[2:], None, None)[:3]
    is_whole = type(code) is str and type(description) is str and type(details) is dict
    if not is_whole and not forgives(quirks.SHORT_ERROR):
        return _unreadable(raw, Fault.FRAME, "malformed error message")
    return build(
        message[1],
        code if type(code) is str else "",
        description if type(description) is str else "",
        details if type(details) is dict else {},
    )


def _call_error(message: list[Any], raw: bytes, forgives: Forgiving) -> Parsed:
    return _error(CallError, message, raw, forgives)


def _call_result_error(message: list[Any], raw: bytes, forgives: Forgiving) -> Parsed:
    return _error(CallResultError, message, raw, forgives)


_Builder = Callable[[list[Any], bytes, Forgiving], Parsed]

_BUILDERS_1: dict[int, _Builder] = {2: _call, 3: _call_result, 4: _call_error}
_BUILDERS: dict[Version, dict[int, _Builder]] = {
    Version.V16: _BUILDERS_1,
    Version.V201: _BUILDERS_1,
    Version.V21: {**_BUILDERS_1, 5: _call_result_error, 6: _send},
}


def _unreadable(raw: bytes, fault: Fault, description: str) -> FrameError:
    head = _HEAD.match(raw)
    if head is None:
        return FrameError(UNREADABLE_ID, fault, description, True)
    message_id = head[2].decode(errors="replace") if head[2] else UNREADABLE_ID
    return FrameError(message_id, fault, description, int(head[1]) not in _UNANSWERED_TYPES)


def deeper_than(message: Payload | list[Any], limit: int) -> bool:
    """Whether objects and lists stand in each other more than `limit` times."""
    level: list[Any] = [message]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _flatten(parent: Any, levels: int) -> None:
    """Put JSON texts in the place of what is nested deeper than so many levels."""
    for key, child in list(parent.items() if type(parent) is dict else enumerate(parent)):
        if type(child) is dict or type(child) is list:
            if levels > 1:
                _flatten(child, levels - 1)
            else:
                parent[key] = _json_text(child)


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        return "..."
