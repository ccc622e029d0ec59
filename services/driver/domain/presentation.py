"""A token presented at a place: what is decided about it there beyond what its card says."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.driver.domain.rfid_card import TokenDecision, TokenStatus
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.token_reasons import TokenReason
from services.kernel.tokens import CENTRAL, LOCAL, UNTYPED, Token


class Presentation(NamedTuple):
    """A token, as it was written, at a charge point (empty for none in particular) or at a connector of it (0 where it
    is not known). Cards of the tenant count, whose the charge point is."""

    token: Token
    written: str
    charge_point_id: str
    evse_id: int
    connector_id: int
    time: datetime
    tenant_id: str = DEFAULT_TENANT

    @property
    def is_ours_perhaps(self) -> bool:
        """Whether the platform may have made the token up itself, to start a session with it."""
        return self.token.type == CENTRAL and bool(self.token.value and self.charge_point_id)

    @property
    def is_without_token(self) -> bool:
        """Whether nothing of a driver was presented: no token, or what the charge point made up itself (C06)."""
        return self.token.type == LOCAL or (self.token.is_none and self.token.type != UNTYPED)


class ChargePointState(StrEnum):
    """Whether the operator takes a charge point in."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class FreeVending(StrEnum):
    """Whether sessions may begin without a token."""

    NOT_ALLOWED = "NOT_ALLOWED"
    ALLOWED = "ALLOWED"
    FREE_OF_CHARGE = "FREE_OF_CHARGE"


@dataclass(frozen=True, slots=True)
class StartRule:
    """What holds at a place."""

    state: ChargePointState
    free_vending: FreeVending


_NOT_TAKEN_IN = {
    ChargePointState.PENDING: TokenReason.CHARGE_POINT_PENDING,
    ChargePointState.REJECTED: TokenReason.CHARGE_POINT_REJECTED,
}
_WITHOUT_TOKEN = {
    FreeVending.NOT_ALLOWED: (TokenStatus.INVALID, TokenReason.FREE_VENDING_NOT_ALLOWED),
    FreeVending.ALLOWED: (TokenStatus.ACCEPTED, TokenReason.FREE_VENDING),
    FreeVending.FREE_OF_CHARGE: (TokenStatus.ACCEPTED, TokenReason.FREE_OF_CHARGE),
}

STARTED_BY_US = TokenDecision(status=TokenStatus.ACCEPTED, reason_code=TokenReason.REMOTE_START)


def is_unknown(decision: TokenDecision) -> bool:
    """Whether no card says anything about the token."""
    return decision.reason_code is TokenReason.UNKNOWN_TOKEN


def decided_by(rule: StartRule, shown: Presentation, decision: TokenDecision) -> TokenDecision:
    """What becomes of a decision where `rule` holds."""
    if rule.state in _NOT_TAKEN_IN:
        return TokenDecision(status=TokenStatus.INVALID, reason_code=_NOT_TAKEN_IN[rule.state])
    if shown.is_without_token and is_unknown(decision):
        status, reason = _WITHOUT_TOKEN[rule.free_vending]
        return TokenDecision(status=status, reason_code=reason)
    return decision
