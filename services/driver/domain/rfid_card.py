"""RFID cards, and the decision whether a token may charge."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.driver.domain.driver import Driver, DriverStatus
from services.kernel.errors import conflict
from services.kernel.validation import Violations

_LONGEST_TOKEN = 36


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
    """A card, fob or other token. `id_tag` is kept as `token_key` makes it; `driver_id` is None in stock."""

    id: str
    id_tag: str
    driver_id: str | None = None
    group_id: str = ""
    status: RfidCardStatus = RfidCardStatus.ACTIVE
    expiry_time: datetime | None = None
    create_time: datetime
    update_time: datetime
    revision: int = 1


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
    reason: str
    driver_id: str = ""
    group_id: str = ""
    expiry_time: datetime | None = None


def token_key(id_tag: str) -> str:
    """What tokens are compared by: OCPP compares them without regard to case."""
    token = id_tag.strip()
    # Beyond ASCII no token can be known, and upper case could turn one into another's.
    return token.upper() if token.isascii() else token


def is_token(text: str) -> bool:
    """Whether a card could have this token."""
    return 1 <= len(text) <= _LONGEST_TOKEN and text.isascii() and text.isprintable()


def validated(card: RfidCard) -> RfidCard:
    """`card` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("rfidCard")
    violations.check(is_token(card.id_tag), "idTag", f"must be 1 to {_LONGEST_TOKEN} printable ASCII characters")
    violations.text("groupId", card.group_id, longest=_LONGEST_TOKEN)
    violations.raise_if_any()
    return card


def changed(card: RfidCard, changes: Mapping[str, Any], etag: str, now: datetime) -> RfidCard:
    """`card` after `changes` (field name to new value). Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(card.revision):
        raise conflict("ETAG_MISMATCH", f"card {card.id} has changed since etag {etag} was read")
    violations = Violations("rfidCard")
    violations.check(changes.get("id_tag", card.id_tag) == card.id_tag, "idTag", "cannot be changed")
    is_found_again = card.status is RfidCardStatus.LOST and changes.get("status", card.status) is not card.status
    violations.check(not is_found_again, "status", "cannot be changed: a lost card stays lost")
    violations.raise_if_any()
    return validated(replace(card, **changes, update_time=now, revision=card.revision + 1))


def decide(card: RfidCard | None, driver: Driver | None, now: datetime) -> TokenDecision:
    """Whether the token of `card`, held by `driver`, may charge at `now`; None stands for an unknown one."""
    if card is None:
        return TokenDecision(status=TokenStatus.INVALID, reason="The token is unknown.")
    status, reason = _verdict(card, driver, now)
    return TokenDecision(
        status=status,
        reason=reason,
        driver_id=card.driver_id or "",
        group_id=card.group_id,
        expiry_time=card.expiry_time,
    )


def _verdict(card: RfidCard, driver: Driver | None, now: datetime) -> tuple[TokenStatus, str]:
    if card.status is RfidCardStatus.BLOCKED:
        return TokenStatus.BLOCKED, "The card is blocked."
    if card.status is RfidCardStatus.LOST:
        return TokenStatus.BLOCKED, "The card was reported lost."
    if driver is None:
        return TokenStatus.INVALID, "The card is held by nobody."
    if driver.status is DriverStatus.CLOSED:
        return TokenStatus.INVALID, "The driver has left."
    if driver.status is DriverStatus.SUSPENDED:
        return TokenStatus.BLOCKED, "The driver is suspended."
    if card.expiry_time is not None and card.expiry_time <= now:
        return TokenStatus.EXPIRED, "The card has expired."
    return TokenStatus.ACCEPTED, "The card is valid."
