"""Why a token may charge or not: the reasons that machines read, and what they say to people.

Knows no rule; who decides is said by whoever does.
"""

from enum import StrEnum


class TokenReason(StrEnum):
    """The names of csms.driver.v1.TokenDecision.Reason."""

    CARD_VALID = "CARD_VALID"
    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"
    CARD_BLOCKED = "CARD_BLOCKED"
    CARD_LOST = "CARD_LOST"
    CARD_EXPIRED = "CARD_EXPIRED"
    CARD_UNASSIGNED = "CARD_UNASSIGNED"
    DRIVER_SUSPENDED = "DRIVER_SUSPENDED"
    DRIVER_LEFT = "DRIVER_LEFT"
    TOKEN_IN_USE = "TOKEN_IN_USE"
    CHARGE_POINT_PENDING = "CHARGE_POINT_PENDING"
    CHARGE_POINT_REJECTED = "CHARGE_POINT_REJECTED"
    FREE_VENDING = "FREE_VENDING"
    FREE_OF_CHARGE = "FREE_OF_CHARGE"
    FREE_VENDING_NOT_ALLOWED = "FREE_VENDING_NOT_ALLOWED"
    REMOTE_START = "REMOTE_START"
    CERTIFICATE_NOT_VERIFIED = "CERTIFICATE_NOT_VERIFIED"


_WORDS = {
    TokenReason.CARD_VALID: "The card is valid.",
    TokenReason.UNKNOWN_TOKEN: "The token is unknown.",
    TokenReason.CARD_BLOCKED: "The card is blocked.",
    TokenReason.CARD_LOST: "The card was reported lost.",
    TokenReason.CARD_EXPIRED: "The card has expired.",
    TokenReason.CARD_UNASSIGNED: "The card is held by nobody.",
    TokenReason.DRIVER_SUSPENDED: "The driver is suspended.",
    TokenReason.DRIVER_LEFT: "The driver has left.",
    TokenReason.TOKEN_IN_USE: "The token is in use in another session.",
    TokenReason.CHARGE_POINT_PENDING: "The charge point is not accepted yet.",
    TokenReason.CHARGE_POINT_REJECTED: "The charge point was rejected.",
    TokenReason.FREE_VENDING: "No token is needed here.",
    TokenReason.FREE_OF_CHARGE: "No token is needed here, and charging costs nothing.",
    TokenReason.FREE_VENDING_NOT_ALLOWED: "No token was presented, and one is needed here.",
    TokenReason.REMOTE_START: "The platform has started the session itself.",
    TokenReason.CERTIFICATE_NOT_VERIFIED: "Whether the contract certificate is good cannot be found out.",
}


def words(name: str) -> str:
    """What a reason says to people; empty for none, or one of a newer contract."""
    return _WORDS[TokenReason(name)] if name in _WORDS else ""
