"""Tokens in OCPP 2.x (part 2, IdTokenType and IdTokenInfoType): what is presented, and what is told about it."""

from datetime import UTC, datetime

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.facts.tokens import authorization_of
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.versions import Version
from services.kernel.tokens import UNTYPED, Token, token_of

_STATUSES = {
    Transaction.ACCEPTED: "Accepted",
    Transaction.BLOCKED: "Blocked",
    Transaction.EXPIRED: "Expired",
    Transaction.INVALID: "Invalid",
    Transaction.CONCURRENT_TX: "ConcurrentTx",
}
# IdTokenType.idToken; our groups may have longer names, which a charging station could not compare.
LONGEST_TOKEN = {Version.V201: 36, Version.V21: 255}
_NO_TOKEN = Token(""), ""
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def is_token_reported(payload: Payload, context: ChargerContext) -> bool:
    """Whether the message carries a token, be it one that could not be read: then its answer tells of it."""
    return "idToken" in payload or context.has_dropped("idToken")


def reported_token(payload: Payload) -> tuple[Token, str]:
    """The token in a message, and how its value is written; without one, or when it could not be read, nothing."""
    reported: Payload | None = payload.get("idToken")
    if reported is None:
        return _NO_TOKEN
    written = reported.get("idToken", "")
    return token_of(written, reported.get("type", UNTYPED)), written


def id_token_info(
    decision: TokenDecision | None,
    version: Version,
    authorization: Transaction.Authorization.ValueType = Transaction.AUTHORIZATION_UNSPECIFIED,
) -> Payload:
    """What a charging station is told about a token; `authorization` is what became of the decision in a session.

    Nothing is known of one that nobody could decide about when it ended a session, and the station shall not remember
    that: it asks again.
    """
    if decision is None:
        return {"status": "Invalid", "cacheExpiryDateTime": iso_text(_LONG_AGO)}
    info: Payload = {"status": _STATUSES[authorization or authorization_of(decision)]}
    if decision.HasField("expiry_time"):
        info["cacheExpiryDateTime"] = iso_text(decision.expiry_time.ToDatetime())
    if 0 < len(decision.group_id) <= LONGEST_TOKEN[version]:
        info["groupIdToken"] = {"idToken": decision.group_id, "type": "Central"}
    return info
