"""The tokens that charge points present: how one is asked about, and what the decision is in the words of transactions.

Knows no OCPP version; each puts the decision in its own words.
"""

import logging
from typing import Any

from csms.driver.v1.authorization_service_pb2 import TokenPresentation
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from services.kernel.errors import DomainError
from services.kernel.token_reasons import words
from services.kernel.tokens import CENTRAL, LOCAL, UNTYPED, Token, token_value
from services.rpc.protobuf import write_time

logger = logging.getLogger(__name__)

_AUTHORIZATIONS = {
    TokenDecision.ACCEPTED: Transaction.ACCEPTED,
    TokenDecision.BLOCKED: Transaction.BLOCKED,
    TokenDecision.EXPIRED: Transaction.EXPIRED,
    TokenDecision.INVALID: Transaction.INVALID,
    TokenDecision.CONCURRENT_TX: Transaction.CONCURRENT_TX,
}
_NOT_TAKEN_IN = {
    ChargePointState.PENDING: TokenDecision.CHARGE_POINT_PENDING,
    ChargePointState.REJECTED: TokenDecision.CHARGE_POINT_REJECTED,
}
# Of a good card there is nothing to say.
_PLAIN = frozenset({TokenDecision.REASON_UNSPECIFIED, TokenDecision.CARD_VALID})


async def decide(
    token: Token, written: str, context: ChargerContext, backend: Backend, event: TransactionEvent | None = None
) -> TokenDecision:
    """Whether a token, as it was `written`, may charge here, at the place and time of `event` if it came with one; what
    is not plain is noted for the journal. Raises DomainError when nobody can say.

    At a charge point that is not accepted nothing may: whatever it records is kept, and paid by nobody.
    """
    if context.state is not ChargePointState.ACCEPTED:
        decision = TokenDecision(status=TokenDecision.INVALID, reason_code=_NOT_TAKEN_IN[context.state])
    elif token.type != UNTYPED and (token.is_none or token.type in (CENTRAL, LOCAL)):
        decision = await _asked_here(Token(token_value(written), token.type), context, backend, event)
    else:
        decision = await backend.authorize(_presentation(Token(token_value(written), token.type), context))
        if token.type == UNTYPED and token.value and decision.reason_code == TokenDecision.UNKNOWN_TOKEN:
            # OCPP 1.6 cannot say so, but it may be one that we have made up ourselves.
            decision = await _asked_here(Token(token.value, CENTRAL), context, backend, event)
    note(decision.reason_code, context)
    return decision


async def decide_at_end(
    token: Token, written: str, context: ChargerContext, backend: Backend, event: TransactionEvent
) -> TokenDecision | None:
    """The decision about a token that ends a session, which must be recorded whether or not there is one."""
    try:
        return await decide(token, written, context, backend, event)
    except DomainError as error:
        logger.warning("a session ends without a decision about its token: %s", error.message)
        return None


async def group_of(token: Token, context: ChargerContext, backend: Backend) -> str:
    """The group of a token's card; empty where it has none, or nobody can say."""
    try:
        return (await backend.authorize(_presentation(token, context))).group_id
    except DomainError as error:
        logger.warning("the group of a token is not known: %s", error.message)
        return ""


def token_fields(token: Token) -> Any:
    """A token for the constructor of a message that holds it, as in `places`; None where nothing is said of any."""
    return {"value": token.value, "type": token.type} if token.value or token.type else None


def token_in(event: TransactionEvent) -> Token:
    """The token that an event came with; one without value and type where it came without."""
    return Token(event.token.value, event.token.type)


def write_decision(decision: TokenDecision, event: TransactionEvent) -> None:
    """Put a decision into the event that its token came with."""
    event.authorization = authorization_of(decision)
    event.authorization_reason = decision.reason_code
    event.driver_id = decision.driver_id
    if decision.group_id:
        event.group_id = token_value(decision.group_id)


def authorization_of(decision: TokenDecision) -> Transaction.Authorization.ValueType:
    """The decision in the words of transactions."""
    return _AUTHORIZATIONS.get(decision.status, Transaction.INVALID)


def note(reason: TokenDecision.Reason.ValueType, context: ChargerContext) -> None:
    """Have the journal say why it was decided so: the frames do not."""
    if reason not in _PLAIN:
        name = TokenDecision.Reason.Name(reason) if reason in TokenDecision.Reason.values() else str(reason)
        context.note = f"{name}: {words(name)}"


async def _asked_here(
    shown: Token, context: ChargerContext, backend: Backend, event: TransactionEvent | None
) -> TokenDecision:
    """The decision about a token for which it counts what holds at this place and time."""
    presentation = _presentation(shown, context)
    _place(presentation, context, event)
    return await backend.authorize(presentation)


def _presentation(shown: Token, context: ChargerContext) -> TokenPresentation:
    return TokenPresentation(
        token=token_fields(shown), charge_point_id=context.charge_point_id, tenant_id=context.tenant_id
    )


def _place(presentation: TokenPresentation, context: ChargerContext, event: TransactionEvent | None) -> None:
    """Say where and when: then what holds there counts as well."""
    if event is None:
        write_time(context.received_time, presentation.time)
        return
    if event.HasField("evse"):
        presentation.evse.CopyFrom(event.evse)
    if event.HasField("corrected_time"):
        presentation.time.CopyFrom(event.corrected_time)
    else:
        presentation.time.CopyFrom(event.device_time if event.HasField("device_time") else event.received_time)
