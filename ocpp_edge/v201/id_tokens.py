"""Tokens in OCPP 2.x (part 2, IdTokenType and IdTokenInfoType): what is presented, and what is told about it."""

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.device_clock import iso_text
from ocpp_edge.frames import Payload
from ocpp_edge.tokens import authorization_of, normal

_STATUSES = {
    Transaction.ACCEPTED: "Accepted",
    Transaction.BLOCKED: "Blocked",
    Transaction.EXPIRED: "Expired",
    Transaction.INVALID: "Invalid",
    Transaction.CONCURRENT_TX: "ConcurrentTx",
}
_LONGEST_TOKEN = 36


def id_tag_of(payload: Payload) -> str:
    """The token in a message, in the form that is compared; empty without one."""
    token = payload.get("idToken")
    return normal(token["idToken"]) if token else ""


def id_token_info(
    decision: TokenDecision,
    authorization: Transaction.Authorization.ValueType = Transaction.AUTHORIZATION_UNSPECIFIED,
) -> Payload:
    """What a charging station is told about a token; `authorization` is what became of the decision in a session."""
    info: Payload = {"status": _STATUSES[authorization or authorization_of(decision)]}
    if decision.HasField("expiry_time"):
        info["cacheExpiryDateTime"] = iso_text(decision.expiry_time.ToDatetime())
    if 0 < len(decision.group_id) <= _LONGEST_TOKEN:
        info["groupIdToken"] = {"idToken": decision.group_id, "type": "Central"}
    return info
