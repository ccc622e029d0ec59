"""A second reading for frames with characters that JSON, UTF-8 or PostgreSQL forbid: what is left without them.

Stacks in C send the NULs behind a string or a whole buffer, others text in the code page of their country, half an
emoji, a byte order mark, or a backslash as it is. Only for frames that were not read at once: this is slower by far.
"""

import json
import re
from math import isfinite
from typing import Any

# Line ends and tabs are kept: signed data and certificates have them, as escaped ones.
_FORBIDDEN = bytes(set(range(1, 0x20)) - set(b"\t\n\r"))
_BEFORE = "\ufeff\0 \t\n\r"
_BACKSLASH = re.compile(r"\\([\"\\/bfnrt]|u[0-9a-fA-F]{4})?")
_WHOLE = range(-(2**63), 2**64)
_LONGEST_WHOLE = 20


def read_again(raw: bytes) -> Any:
    """The JSON in `raw`, without NULs and other control characters, with U+FFFD for what is no character.

    What follows a NUL behind it may be what the buffer held before. `NaN` and numbers beyond every float are read as
    texts, and a backslash that escapes nothing is one. Raises ValueError for what is no JSON even so.
    """
    text = raw.translate(None, _FORBIDDEN).decode("utf-8", "replace").lstrip(_BEFORE)
    try:
        try:
            value, end = _DECODER.raw_decode(text)
        except json.JSONDecodeError:
            # A NUL between the words, or a backslash that escapes nothing.
            text = _BACKSLASH.sub(_escaped, text.replace("\0", ""))
            value, end = _DECODER.raw_decode(text)
        if (rest := text[end:].lstrip()) and not rest.startswith("\0"):
            raise ValueError("something follows")
        return without_nuls(value)
    except RecursionError as error:
        raise ValueError("nested without end") from error


def without_nuls(value: Any) -> Any:
    """A value as JSON gives it, without the NULs and halves of characters that JSON can escape."""
    if type(value) is str:
        return _clean(value)
    if type(value) is list:
        return [without_nuls(part) for part in value]
    if type(value) is dict:
        return {_clean(name): without_nuls(part) for name, part in value.items()}
    return value


def _clean(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Halves that belong together come out as the whole, others as the replacement.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[1] else "\\\\"


def _whole(text: str) -> int | float | str:
    if len(text) <= _LONGEST_WHOLE and (number := int(text)) in _WHOLE:
        return number
    return _fraction(text)


def _fraction(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


_DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_fraction, parse_constant=str)
