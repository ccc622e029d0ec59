"""Tokens in OCPP 1.6 (sections 7.27 and 7.28): what is presented, and what is told about it."""

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.facts.tokens import authorization_of
from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.frames import Payload
from services.kernel.quirks.transactions import NO_TAG
from services.kernel.tokens import NO_AUTHORIZATION, Token, token_of

_STATUSES = {
    Transaction.ACCEPTED: "Accepted",
    Transaction.BLOCKED: "Blocked",
    Transaction.EXPIRED: "Expired",
    Transaction.INVALID: "Invalid",
    Transaction.CONCURRENT_TX: "ConcurrentTx",
}
# OCPP 1.6 section 7.28; our groups may have longer names, which a charge point could not compare.
_LONGEST_TAG = 20


def token_of_tag(written: str, forgives: Forgiving) -> Token:
    """The token that a tag is. An empty one is none: some charge points start by a button, or by plugging in."""
    token = token_of(written)
    if token.value:
        return token
    forgives(NO_TAG)
    return Token("", NO_AUTHORIZATION)


def id_tag_info(
    decision: TokenDecision,
    authorization: Transaction.Authorization.ValueType = Transaction.AUTHORIZATION_UNSPECIFIED,
) -> Payload:
    """What a charge point is told about a token; `authorization` is what became of the decision in a session."""
    info: Payload = {"status": _STATUSES[authorization or authorization_of(decision)]}
    if decision.HasField("expiry_time"):
        info["expiryDate"] = iso_text(decision.expiry_time.ToDatetime())
    if 0 < len(decision.group_id) <= _LONGEST_TAG:
        info["parentIdTag"] = decision.group_id
    return info
