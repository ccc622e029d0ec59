"""Authorize (OCPP 2.0.1 use cases C01 to C07): may this token charge?"""

from csms.driver.v1.driver_pb2 import TokenDecision
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts import tokens
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.id_tokens import id_token_info, reported_token

# What a contract certificate comes as (C07).
_CERTIFICATES = ("certificate", "iso15118CertificateHashData")
# Nobody is asked yet whether a certificate was revoked. Of the words that there are this one says that it could not be
# found out in time.
_NOT_VERIFIED = "NoCertificateAvailable"


EFFECT = Effect(questions=("csms.driver.v1.AuthorizationService/AuthorizeTokens",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    decision = await tokens.decide(*reported_token(payload), context, backend)
    if not _has_certificate(payload, context):
        return {"idTokenInfo": id_token_info(decision, context.version)}
    if decision.status == TokenDecision.ACCEPTED:
        # Some stations heed nothing but the status of the token: a revoked contract must not charge (C07.FR.05).
        decision = TokenDecision(status=TokenDecision.INVALID, reason_code=TokenDecision.CERTIFICATE_NOT_VERIFIED)
        tokens.note(decision.reason_code, context)
    return {"idTokenInfo": id_token_info(decision, context.version), "certificateStatus": _NOT_VERIFIED}


def _has_certificate(payload: Payload, context: ChargerContext) -> bool:
    """Whether a certificate came along, be it one that cannot be read."""
    return any(name in payload or context.has_dropped(name) for name in _CERTIFICATES)
