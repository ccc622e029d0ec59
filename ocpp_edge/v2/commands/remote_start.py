"""RequestStartTransaction (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.backend.ports import Backend
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.tokens import group_of
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.charging_profiles import charging_profile
from ocpp_edge.v2.id_tokens import LONGEST_TOKEN
from services.kernel.ids import request_number
from services.kernel.tokens import CENTRAL, ISO14443, Token, token_type, token_value

# A driver who was let in from afar can end the session with his card only when it is presented as the same type.
_USUAL_TYPE = ISO14443


def ask(body: command_pb.RemoteStart, command_id: str) -> Asked:
    payload: Payload = {
        "idToken": {"idToken": body.id_tag, "type": token_type(body.token_type) or _USUAL_TYPE},
        "remoteStartId": request_number(command_id),
    }
    if body.connector_id:
        payload["evseId"] = body.connector_id
    if body.group_id:
        payload["groupIdToken"] = {"idToken": body.group_id, "type": CENTRAL}
    if body.HasField("charging_profile"):
        payload["chargingProfile"] = charging_profile(body.charging_profile, command_id)
    return "RequestStartTransaction", payload


async def with_group(body: command_pb.RemoteStart, context: ChargerContext, backend: Backend) -> command_pb.RemoteStart:
    """With the group of the card: another one of it can end the transaction even while the station is offline."""
    if body.group_id or token_type(body.token_type) == CENTRAL:
        return body
    token = Token(token_value(body.id_tag), token_type(body.token_type) or _USUAL_TYPE)
    group_id = await group_of(token, context, backend)
    if not 0 < len(group_id) <= LONGEST_TOKEN[context.version]:
        return body
    completed = command_pb.RemoteStart()
    completed.CopyFrom(body)
    completed.group_id = group_id
    return completed


COMMAND = Dialect(
    ask,
    ACCEPTED,
    completed=with_group,
    effects={"RequestStartTransaction": in_ledger("transactions.id_tag")},
)
