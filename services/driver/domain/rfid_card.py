"""RFID cards, and the decision whether a token may charge.

A card has a type, or is of any: those of before types were kept, and those of which nobody says. A token that is told
with its type finds the card of just that type, or one of any; one that is told without (OCPP 1.6) finds that of any,
or whichever there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.driver.domain.driver import Driver, DriverStatus
from services.kernel.errors import conflict
from services.kernel.tenancy import owner_of_new
from services.kernel.token_reasons import TokenReason
from services.kernel.tokens import (
    ISO14443,
    ISO15693,
    LONGEST_TYPE,
    LONGEST_VALUE,
    NO_AUTHORIZATION,
    UNTYPED,
    Token,
    token_of,
)
from services.kernel.validation import Violations

# Which card a token without a type finds among several of other types.
_USUAL_TYPES = (UNTYPED, ISO14443, ISO15693)


class RfidCardStatus(StrEnum):
    """Whether a card may be used."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    LOST = "LOST"


class TokenStatus(StrEnum):
    """A decision about a token in the words of OCPP."""

    ACCEPTED = "ACCEPTED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class RfidCard:
    """A card, fob or other token. `id_tag` is kept in the form that is compared (kernel.tokens); `driver_id` is None in
    stock, `token_type` empty for any."""

    id: str
    id_tag: str
    token_type: str = UNTYPED
    driver_id: str | None = None
    group_id: str = ""
    status: RfidCardStatus = RfidCardStatus.ACTIVE
    expiry_time: datetime | None = None
    create_time: datetime
    update_time: datetime
    revision: int = 1
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class RfidCardFilter:
    """Which cards a list holds; an empty or None field does not narrow it."""

    driver_id: str = ""
    id_tag: str = ""
    group_id: str = ""
    status: RfidCardStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDecision:
    """Whether a token may charge, and why."""

    status: TokenStatus
    reason_code: TokenReason
    driver_id: str = ""
    group_id: str = ""
    expiry_time: datetime | None = None


def spellings(token: Token, presented: str) -> list[str]:
    """What cards of a token that was `presented` like this can have: one of any type has it as it is written."""
    return [value for value in {token.value, token_of(presented).value} if is_token(value)]


def match(token: Token, cards: Sequence[RfidCard]) -> RfidCard | None:
    """The card of a token among `cards`, which have one of its spellings each."""
    ranks = [token.type, UNTYPED] if token.type else list(_USUAL_TYPES)
    found = [card for card in cards if card.token_type in ranks or not token.type]
    return min(found, key=lambda card: (_place(card.token_type, ranks), card.token_type), default=None)


def _place(token_type: str, ranks: Sequence[str]) -> int:
    return ranks.index(token_type) if token_type in ranks else len(ranks)


def is_token(text: str) -> bool:
    """Whether a card could have this token."""
    return 1 <= len(text) <= LONGEST_VALUE and text.isascii() and text.isprintable()


def validated(card: RfidCard) -> RfidCard:
    """`card` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("rfidCard")
    violations.check(is_token(card.id_tag), "idTag", f"must be 1 to {LONGEST_VALUE} printable ASCII characters")
    violations.text("groupId", card.group_id, longest=LONGEST_VALUE)
    violations.text("tokenType", card.token_type, longest=LONGEST_TYPE)
    is_none = card.token_type == NO_AUTHORIZATION
    violations.check(not is_none, "tokenType", "is that of sessions without a token: see freeVending of charge points")
    violations.raise_if_any()
    return card


def changed(card: RfidCard, changes: Mapping[str, Any], etag: str, now: datetime) -> RfidCard:
    """`card` after `changes` (field name to new value). Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(card.revision):
        raise conflict("ETAG_MISMATCH", f"card {card.id} has changed since etag {etag} was read")
    violations = Violations("rfidCard")
    value = token_of(changes.get("id_tag", card.id_tag), card.token_type).value
    violations.check(value == card.id_tag, "idTag", "cannot be changed")
    violations.check(changes.get("token_type", card.token_type) == card.token_type, "tokenType", "cannot be changed")
    is_found_again = card.status is RfidCardStatus.LOST and changes.get("status", card.status) is not card.status
    violations.check(not is_found_again, "status", "cannot be changed: a lost card stays lost")
    violations.raise_if_any()
    fixed = {**changes, "id_tag": card.id_tag}
    return validated(replace(card, **fixed, update_time=now, revision=card.revision + 1))


def decide(card: RfidCard | None, driver: Driver | None, now: datetime) -> TokenDecision:
    """Whether the token of `card`, held by `driver`, may charge at `now`; None stands for an unknown one."""
    if card is None:
        return TokenDecision(status=TokenStatus.INVALID, reason_code=TokenReason.UNKNOWN_TOKEN)
    status, reason = _verdict(card, driver, now)
    return TokenDecision(
        status=status,
        reason_code=reason,
        driver_id=card.driver_id or "",
        group_id=card.group_id,
        expiry_time=card.expiry_time,
    )


def _verdict(card: RfidCard, driver: Driver | None, now: datetime) -> tuple[TokenStatus, TokenReason]:
    if card.status is RfidCardStatus.BLOCKED:
        return TokenStatus.BLOCKED, TokenReason.CARD_BLOCKED
    if card.status is RfidCardStatus.LOST:
        return TokenStatus.BLOCKED, TokenReason.CARD_LOST
    if driver is None:
        return TokenStatus.INVALID, TokenReason.CARD_UNASSIGNED
    if driver.status is DriverStatus.CLOSED:
        return TokenStatus.INVALID, TokenReason.DRIVER_LEFT
    if driver.status is DriverStatus.SUSPENDED:
        return TokenStatus.BLOCKED, TokenReason.DRIVER_SUSPENDED
    if card.expiry_time is not None and card.expiry_time <= now:
        return TokenStatus.EXPIRED, TokenReason.CARD_EXPIRED
    return TokenStatus.ACCEPTED, TokenReason.CARD_VALID
