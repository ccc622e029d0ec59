"""RemoteStartTransaction (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.charging_profiles import charging_profile


def ask(body: command_pb.RemoteStart, command_id: str) -> Asked:
    payload: Payload = {"idTag": body.id_tag}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    if body.HasField("charging_profile"):
        payload["chargingProfile"] = charging_profile(body.charging_profile, command_id)
    return "RemoteStartTransaction", payload


COMMAND = Dialect(ask, ACCEPTED, effects={"RemoteStartTransaction": in_ledger("transactions.id_tag")})
