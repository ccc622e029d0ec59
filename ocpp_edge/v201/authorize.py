"""Authorize (OCPP 2.0.1 use cases C01 to C06): may this token charge?"""

from ocpp_edge import tokens
from ocpp_edge.backend.ports import Backend
from ocpp_edge.context import ChargerContext
from ocpp_edge.frames import Payload
from ocpp_edge.v201.id_tokens import id_tag_of, id_token_info


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    decision = await tokens.decide(id_tag_of(payload), context, backend)
    return {"idTokenInfo": id_token_info(decision)}
