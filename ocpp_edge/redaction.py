"""Passwords in frames, masked before a frame is kept: those that we set, and those that charge points tell.

Knows where OCPP carries them: 1.6 under the key AuthorizationKey; 2.x in the variable BasicAuthPassword, and in
connection profiles as properties called password.
"""

from typing import Any

import orjson

MASK = "***"
# Most frames hold neither word, and are not looked into any further.
_SUSPECTS = b"authorizationkey", b"password"
_SECRET_KEYS = frozenset({"authorizationkey", "basicauthpassword"})


def redacted(frame: bytes) -> bytes:
    """`frame` without passwords, in compact JSON; one that may hold some and cannot be read is masked as a whole."""
    # Ten times as fast as a regular expression that ignores case.
    letters = frame.lower()
    if _SUSPECTS[0] not in letters and _SUSPECTS[1] not in letters:
        return frame
    try:
        return orjson.dumps(_masked(orjson.loads(frame)))
    except (ValueError, TypeError, RecursionError):  # no JSON, or nested beyond every measure
        return MASK.encode()


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(part) for part in value]
    if not isinstance(value, dict):
        return value
    masked = {key: _masked(part) for key, part in value.items()}
    if _names_secret(value.get("key")) and "value" in value:
        masked["value"] = MASK
    variable = value.get("variable")
    if isinstance(variable, dict) and _names_secret(variable.get("name")):
        _mask_attributes(masked)
    for key in masked:
        if key.lower().endswith("password") and isinstance(masked[key], str):
            masked[key] = MASK
    return masked


def _mask_attributes(holder: dict[str, Any]) -> None:
    """The value of a variable: of SetVariables and GetVariables, of a report, of an event."""
    for key in ("attributeValue", "actualValue"):
        if key in holder:
            holder[key] = MASK
    for attribute in holder.get("variableAttribute", ()):
        if isinstance(attribute, dict) and "value" in attribute:
            attribute["value"] = MASK


def _names_secret(name: Any) -> bool:
    return isinstance(name, str) and name.replace(" ", "").lower() in _SECRET_KEYS
