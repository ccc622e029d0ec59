"""DataTransfer (OCPP 1.6)."""

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.commands.results import data_transfer_result
from ocpp_edge.rpc.frames import Payload


def ask(body: command_pb.TransferData, _command_id: str) -> Asked:
    payload: Payload = {"vendorId": body.vendor_id}
    if body.message_id:
        payload["messageId"] = body.message_id
    if body.data:
        payload["data"] = body.data
    return "DataTransfer", payload


COMMAND = Dialect(ask, ACCEPTED, result=data_transfer_result)
