"""Secrets in what is kept: passwords and keys that we set or that charge points tell, masked before anything is stored.

The one place that knows what a secret is called and where OCPP carries it: 1.6 as `key` and `value`, 2.x as variables
and in connection profiles, vendors as whatever they like. Knows no message; works on JSON as Python reads it.
"""

import json
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

MASK = "***"

# Objects with so many properties are asked for secret names at once: charge points may send them by the ten thousand.
_MANY = 50
# What is neither text nor holds any.
_SPEECHLESS = frozenset({int, float, bool, type(None)})

# In names without regard to case and to what is no letter or digit: `AuthorizationKey`, `wifi.psk`, `APN_Password`.
_FRAGMENTS = (
    *("password", "passwd", "passphrase", "secret", "credential"),
    *("authorizationkey", "privatekey", "sharedkey", "vpnkey", "apikey", "accesskey", "encryptionkey", "hmackey"),
    *("wifikey", "wlankey", "wpakey", "accesstoken", "authtoken", "simpin"),
)
_ENDINGS = ("pwd", "psk")
_ANY_SECRET = re.compile("|".join((*_FRAGMENTS, *(f"{ending}(?:\n|$)" for ending in _ENDINGS))))
_ASCII_SIGNS = "".join(sign for sign in map(chr, range(128)) if not sign.isalnum() and sign != "\n")
_LETTERS_ONLY = str.maketrans("", "", _ASCII_SIGNS)
_LOGIN_VARIABLE = "basicauthpassword"
# A value that stands beside the name of what it is the value of.
_NAMES, _VALUES = ("key", "name", "keyName"), ("value", "attributeValue", "actualValue")
_LONGEST_NAME = 200
# The password in the address of a server: ftp://user:password@host/path.
_IN_ADDRESS = re.compile(r"([a-z][a-z0-9+.\-]{0,20}://[^\s/:@]{0,200}:)[^\s/@]{1,500}@", re.IGNORECASE)
# The secret in a link to a file of ours.
_IN_LINK = re.compile(r"(/file-links/)[^/\s\"'?#]{1,500}")
_IN_TEXT = re.compile(
    r"((?:password|passwd|passphrase|pwd|secret|psk|authorization[ _\-]?key)[\"']?\s{0,3}[=:]\s{0,3}[\"']?)"
    r"[^\s\"',;&]{1,500}",
    re.IGNORECASE,
)
# What is longer is a log or a picture, and not looked into.
_LONGEST_TEXT = 100_000
_DEEPEST = 100
# What is shorter may stand in a text by chance.
_SHORTEST_REPEATED = 4


# Of JSON as bytes: letters in lower case, and what is neither letter nor digit.
_LOWER = bytes.maketrans(bytes(range(65, 91)), bytes(range(97, 123)))
_SIGNS = bytes(sign for sign in range(128) if not chr(sign).isalnum())
_LONG = 1000
# With the name of a VPN's server, beside which its key stands.
_TRACES = tuple(trace.encode() for trace in (*_FRAGMENTS, *_ENDINGS, "server"))


def may_hold_secrets(text: bytes) -> bool:
    """Whether `redacted` may find any in this JSON. A small part of what that costs: of long reports nearly all hold
    none. A short one is looked into as quickly; what is written with escapes, or in letters of other scripts, may hold
    some."""
    if len(text) < _LONG or b"\\" in text or b"://" in text or not text.isascii():
        return True
    # Of names and of what is written as `password=...` alike; what belongs to two words in a row does no harm.
    letters = text.translate(_LOWER, _SIGNS)
    return any(trace in letters for trace in _TRACES)


@lru_cache(maxsize=10_000)
def is_secret(name: str) -> bool:
    """Whether what is called so is nobody's business: a setting, a variable, a property."""
    letters = _letters(name)
    return letters.endswith(_ENDINGS) or any(fragment in letters for fragment in _FRAGMENTS)


def is_login_password(name: str) -> bool:
    """Whether what is called so is the password by which a charge point logs in: `AuthorizationKey` of OCPP 1.6,
    `SecurityCtrlr.BasicAuthPassword` of 2.x."""
    letters = _letters(name)
    is_variable = letters.startswith("securityctrlr") and letters.endswith(_LOGIN_VARIABLE)
    return is_variable or letters in ("authorizationkey", _LOGIN_VARIABLE)


def sets_login_password(name: str) -> bool:
    """Whether to set what is called so sets that password: itself, or the one in a profile of a network."""
    return is_login_password(name) or _letters(name).endswith(_LOGIN_VARIABLE)


def holds_secret(key: str, value: str) -> bool:
    """Whether a setting is a secret, or has one in its value."""
    return bool(value) and (is_secret(key) or redacted_text(value) != value)


def redacted(value: Any) -> Any:
    """`value` without secrets; itself, or equal to itself, when there are none. Never changes it.

    Raises RecursionError for what is nested beyond every measure.
    """
    return _redacted(value, 0)


def secrets_in(value: Any) -> frozenset[str]:
    """The texts that `redacted` masks in `value`."""
    found: set[str] = set()
    _collect(value, redacted(value), found)
    return frozenset(found)


def without(value: Any, secrets: Collection[str]) -> Any:
    """`value` with these secrets masked wherever a text repeats them."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, list):
        return [without(part, secrets) for part in value]
    if isinstance(value, dict):
        return {name: without(part, secrets) for name, part in value.items()}
    return value


def redacted_text(text: str) -> str:
    """A text without secrets: JSON as JSON, an address without its password, and what is written as `password=...`."""
    if len(text) > _LONGEST_TEXT:
        return text
    if text[:1] in ("{", "["):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return _without_assignments(text)
        kept = redacted(parsed)
        return text if kept == parsed else json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return _without_assignments(text)


def _collect(value: Any, kept: Any, found: set[str]) -> None:
    if isinstance(value, dict) and isinstance(kept, dict):
        for name, part in value.items():
            _collect(part, kept[name], found)
    elif isinstance(value, list) and isinstance(kept, list):
        for part, of_kept in zip(value, kept, strict=True):
            _collect(part, of_kept, found)
    elif isinstance(value, str) and kept == MASK and len(value) >= _SHORTEST_REPEATED:
        found.add(value)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name[:_LONGEST_NAME])).lower()


def _without_assignments(text: str) -> str:
    return _IN_TEXT.sub(rf"\1{MASK}", _IN_LINK.sub(rf"\1{MASK}", _IN_ADDRESS.sub(rf"\1{MASK}@", text)))


def _redacted(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redacted_text(value) if ":" in value or "=" in value else value
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, list):
        return [_redacted(part, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    may_name = len(value) < _MANY or _may_name_secrets(value)
    kept = {
        name: _masked(part)
        if may_name and _is_secret_here(name, value)
        else part
        if type(part) in _SPEECHLESS
        else _redacted(part, depth + 1)
        for name, part in value.items()
    }
    if any(is_secret(value[name]) for name in _NAMES if isinstance(value.get(name), str)):
        kept |= {name: _masked(value[name]) for name in _VALUES if name in value}
    variable = value.get("variable")
    if isinstance(variable, dict) and is_secret(str(variable.get("name"))):
        kept |= {name: _masked(value[name]) for name in _VALUES if name in value}
        if "variableAttribute" in value:
            kept["variableAttribute"] = _without_values(value["variableAttribute"])
    return kept


def _may_name_secrets(holder: dict[Any, Any]) -> bool:
    """Whether any property may be a secret, by one look at the names of all."""
    names = "\n".join(map(str, holder)).lower()
    is_odd = not names.isascii() or names.count("\n") >= len(holder)
    return is_odd or "key" in holder or _ANY_SECRET.search(names.translate(_LETTERS_ONLY)) is not None


def _is_secret_here(name: Any, holder: dict[Any, Any]) -> bool:
    # The shared key of a VPN is called just that (OCPP 2.0.1 part 2, VPNType).
    is_vpn_key = name == "key" and "server" in holder and "value" not in holder
    return is_vpn_key or (isinstance(name, str) and is_secret(name))


def _masked(value: Any) -> Any:
    """What stands for a secret; that there is one, or none, is no secret."""
    return value if value is None or value == "" or isinstance(value, bool) else MASK


def _without_values(attributes: Any) -> Any:
    if not isinstance(attributes, list):
        return _masked(attributes)
    return [
        {**one, "value": _masked(one["value"])} if isinstance(one, dict) and "value" in one else one
        for one in attributes
    ]
