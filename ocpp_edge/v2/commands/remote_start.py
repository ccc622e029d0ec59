"""RequestStartTransaction (OCPP 2.x)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from services.kernel.ids import request_number
from services.kernel.tokens import ISO14443, token_type

# A driver who was let in from afar can end the session with his card only when it is presented as the same type.
_USUAL_TYPE = ISO14443


def ask(body: command_pb.RemoteStart, command_id: str) -> Asked:
    payload: Payload = {
        "idToken": {"idToken": body.id_tag, "type": token_type(body.token_type) or _USUAL_TYPE},
        "remoteStartId": request_number(command_id),
    }
    if body.connector_id:
        payload["evseId"] = body.connector_id
    return "RequestStartTransaction", payload


COMMAND = Dialect(ask, ACCEPTED, effects={"RequestStartTransaction": in_ledger("transactions.id_tag")})
