"""Authorize (OCPP 1.6 section 4.1): may this token charge?"""

from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts import tokens
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.id_tags import id_tag_info, token_of_tag

EFFECT = Effect(questions=("csms.driver.v1.AuthorizationService/AuthorizeTokens",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    written = payload["idTag"]
    decision = await tokens.decide(token_of_tag(written, context.forgives), written, context, backend)
    return {"idTagInfo": id_tag_info(decision)}
