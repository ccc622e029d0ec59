"""TriggerMessage, or ExtendedTriggerMessage of the security whitepaper (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload

# Messages that came with the security whitepaper (edition 3, section 5).
_EXTENDED_TRIGGERS = frozenset({"LogStatusNotification", "SignChargePointCertificate"})


def ask(body: command_pb.TriggerMessage, _command_id: str) -> Asked:
    payload: Payload = {"requestedMessage": body.message}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    return "ExtendedTriggerMessage" if body.message in _EXTENDED_TRIGGERS else "TriggerMessage", payload


COMMAND = Dialect(ask, ACCEPTED, effects={"TriggerMessage": in_ledger(), "ExtendedTriggerMessage": in_ledger()})
