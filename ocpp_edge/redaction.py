"""Secrets in frames, masked before a frame is kept; what they are called is said in services/kernel/redaction.py."""

import orjson

from services.kernel.redaction import MASK, redacted

# Nearly all frames are of these, and have no room for settings: they are looked into only if they hold a word.
_USUAL = frozenset(
    {
        *("Authorize", "Heartbeat", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"),
        "TransactionEvent",
    }
)
_SUSPECTS = b"authorizationkey", b"password"


def redacted_frame(frame: bytes, action: str = "") -> bytes:
    """`frame` without secrets, in compact JSON; as it is without any. One that may hold some and cannot be read is
    masked as a whole."""
    if action in _USUAL and not _is_suspect(frame):
        return frame
    try:
        told = orjson.loads(frame)
        kept = redacted(told)
        return frame if kept == told else orjson.dumps(kept)
    except (ValueError, TypeError, RecursionError):  # no JSON, or nested beyond every measure
        return MASK.encode() if _is_suspect(frame) else frame


def redacted_payload(payload: object) -> str:
    """A payload as text, without secrets; the same for the same payload, whatever the order of its parts."""
    return orjson.dumps(redacted(payload), option=orjson.OPT_SORT_KEYS).decode()


def _is_suspect(frame: bytes) -> bool:
    # Ten times as fast as a regular expression that ignores case.
    letters = frame.lower()
    return any(suspect in letters for suspect in _SUSPECTS)
