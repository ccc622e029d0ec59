"""Secrets in frames, masked before a frame is kept; what they are called is said in services/kernel/redaction.py."""

import orjson

from ocpp_edge.rpc.frames import Payload
from services.kernel.redaction import MASK, may_hold_secrets, redacted, secrets_in, sets_login_password

# Nearly all frames are of these, and have no room for settings: they are looked into only if they hold a word.
_USUAL = frozenset(
    {
        *("Authorize", "Heartbeat", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"),
        "TransactionEvent",
    }
)


def redacted_frame(frame: bytes, action: str = "") -> bytes:
    """`frame` without secrets, in compact JSON; as it is without any. One that may hold some and cannot be read is
    masked as a whole."""
    if (action in _USUAL and not _is_suspect(frame)) or not may_hold_secrets(frame):
        return frame
    try:
        parsed = orjson.loads(frame)
        kept = redacted(parsed)
        return frame if kept == parsed else orjson.dumps(kept)
    except (ValueError, TypeError, RecursionError):  # no JSON, or nested beyond every measure
        return MASK.encode() if _is_suspect(frame) else frame


def redacted_exchange(frame: bytes, answer: bytes, action: str) -> tuple[bytes, bytes]:
    """A request and its answer without secrets, also where the answer repeats what the request said."""
    if action in _USUAL and not _is_suspect(frame) and not _is_suspect(answer):
        return frame, answer
    kept, kept_answer = redacted_frame(frame, action), redacted_frame(answer, action)
    if kept is frame or not answer:
        return kept, kept_answer
    for secret in _secrets_in(frame):
        kept_answer = kept_answer.replace(orjson.dumps(secret)[1:-1], MASK.encode())
    return kept, kept_answer


def sets_password(action: str, payload: Payload) -> bool:
    """Whether a request sets the password by which its charge point logs in. It need not be a valid one."""
    if action == "ChangeConfiguration":
        return sets_login_password(str(payload.get("key", "")))
    if action == "SetVariables":
        entries = payload.get("setVariableData")
        return isinstance(entries, list) and any(sets_login_password(_variable_in(entry)) for entry in entries)
    profile = payload.get("connectionData")
    return action == "SetNetworkProfile" and isinstance(profile, dict) and bool(profile.get("basicAuthPassword"))


def redacted_payload(payload: object) -> str:
    """A payload as text, without secrets; the same for the same payload, whatever the order of its parts."""
    text = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    if may_hold_secrets(text):
        text = orjson.dumps(redacted(payload), option=orjson.OPT_SORT_KEYS)
    return text.decode()


def without_secrets(payload: Payload) -> Payload:
    """A payload without secrets; itself when it can hold none."""
    return redacted(payload) if may_hold_secrets(orjson.dumps(payload)) else payload


def _variable_in(entry: object) -> str:
    parts = (entry.get("component"), entry.get("variable")) if isinstance(entry, dict) else ()
    return ".".join(str(part.get("name", "")) for part in parts if isinstance(part, dict))


def _secrets_in(frame: bytes) -> frozenset[str]:
    try:
        return secrets_in(orjson.loads(frame))
    except (ValueError, RecursionError):
        return frozenset()


def _is_suspect(frame: bytes) -> bool:
    # Ten times as fast as a regular expression that ignores case; every frame comes by here.
    letters = frame.lower()
    return b"password" in letters or b"authorizationkey" in letters
