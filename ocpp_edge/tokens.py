"""The tokens that charge points present: how they are compared, and who decides about them.

Knows no OCPP version; each puts the decision in its own words.
"""

import logging

from csms.driver.v1.authorization_service_pb2 import TokenPresentation
from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.backend.ports import Backend
from ocpp_edge.context import ChargePointState, ChargerContext
from services.kernel.errors import DomainError

logger = logging.getLogger(__name__)

_AUTHORIZATIONS = {
    TokenDecision.ACCEPTED: Transaction.ACCEPTED,
    TokenDecision.BLOCKED: Transaction.BLOCKED,
    TokenDecision.EXPIRED: Transaction.EXPIRED,
    TokenDecision.INVALID: Transaction.INVALID,
    TokenDecision.CONCURRENT_TX: Transaction.CONCURRENT_TX,
}


def normal(id_tag: str) -> str:
    """A token in the form that is compared (OCPP 1.6 section 7.28: without regard to case)."""
    return id_tag.strip().upper()


async def decide(id_tag: str, context: ChargerContext, backend: Backend) -> TokenDecision:
    """Whether the token may charge here. Raises DomainError when nobody can say.

    At a charge point that is not accepted nothing may: whatever it records is kept, and paid by nobody.
    """
    if not id_tag or context.state is not ChargePointState.ACCEPTED:
        return TokenDecision(status=TokenDecision.INVALID)
    return await backend.authorize(TokenPresentation(id_tag=id_tag, charge_point_id=context.charge_point_id))


async def decide_at_end(id_tag: str, context: ChargerContext, backend: Backend) -> TokenDecision | None:
    """The decision about a token that ends a session, which must be recorded whether or not there is one."""
    try:
        return await decide(id_tag, context, backend)
    except DomainError as error:
        logger.warning("a session ends without a decision about its token: %s", error.message)
        return None


def authorization_of(decision: TokenDecision | None) -> Transaction.Authorization.ValueType:
    """The decision in the words of transactions."""
    if decision is None:
        return Transaction.AUTHORIZATION_UNSPECIFIED
    return _AUTHORIZATIONS.get(decision.status, Transaction.INVALID)
