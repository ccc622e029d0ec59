"""Tokens: what is presented to charge, a value and the type it is read as (OCPP 2.0.1 part 2, IdTokenType).

The one place that says how values and types are written and compared. A type is text: OCPP 2.1 and vendors have more.
The same value under two types is two tokens. A token of OCPP 1.6 has no type; it may be of any.
"""

from typing import NamedTuple

CENTRAL = "Central"
EMAID = "eMAID"
ISO14443 = "ISO14443"
ISO15693 = "ISO15693"
LOCAL = "Local"
MAC_ADDRESS = "MacAddress"
NO_AUTHORIZATION = "NoAuthorization"
UNTYPED = ""

# Of OCPP 2.1; 36 by 2.0.1, 20 by 1.6.
LONGEST_VALUE = 255
LONGEST_TYPE = 20
_NAMES = (
    *(CENTRAL, EMAID, ISO14443, ISO15693, LOCAL, MAC_ADDRESS, NO_AUTHORIZATION, "KeyCode"),
    # OCPP 2.1.
    *("DirectPayment", "EVCCID", "VIN"),
)
# By what they are called in other spellings, and as OCPP calls them, which is nearly always so.
_TYPES = {name.lower(): name for name in _NAMES} | {name: name for name in _NAMES}
# What is written between the parts of a value and means nothing (ISO 15118-2 annex H for the eMAID).
_SEPARATORS = {EMAID: str.maketrans("", "", "-"), MAC_ADDRESS: str.maketrans("", "", ":-.")}
_ANY_SEPARATOR = str.maketrans("", "", ":-.")


class Token(NamedTuple):
    """A token in the form that is compared; of type NO_AUTHORIZATION it has no value."""

    value: str
    type: str = UNTYPED

    @property
    def is_none(self) -> bool:
        """Whether nothing was presented: whoever starts shows no token, and none may be looked for."""
        return self.type == NO_AUTHORIZATION or not self.value


def token_of(value: str, reported_type: str = UNTYPED) -> Token:
    """The token that is presented as `value` of the type `told_type`, in whatever spelling."""
    if not reported_type:
        return Token(token_value(value))
    kind = token_type(reported_type)
    if kind == NO_AUTHORIZATION:
        return Token("", kind)
    written = token_value(value)
    separators = _SEPARATORS.get(kind)
    return Token(written if separators is None else written.translate(separators), kind)


def token_value(text: str) -> str:
    """A value without regard to case (OCPP 1.6 section 7.28, OCPP 2.0.1 part 2, IdTokenType.idToken)."""
    value = text.strip()
    # Beyond ASCII upper case could turn one token into another's.
    return value.upper() if value.isascii() else value


def bare(value: str) -> str:
    """A value without anything that may separate its parts: equal for all that may be spellings of one token."""
    return value if value.isalnum() else value.translate(_ANY_SEPARATOR)


def token_type(text: str) -> str:
    """A type as OCPP writes it, or as it was told where OCPP has none such."""
    known = _TYPES.get(text)
    if known is not None:
        return known
    word = text.strip()
    return _TYPES.get(word.lower(), word)


def is_same(one: Token, other: Token) -> bool:
    """Whether two that were presented may be one token: of a type that was not told, it may be any."""
    return one.value == other.value and (one.type == other.type or UNTYPED in (one.type, other.type))
