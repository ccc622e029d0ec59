"""PublishFirmware (OCPP 2.x)."""

from csms.transaction.v1.file_commands_pb2 import PublishFirmware
from ocpp_edge.commands.dialect import ACCEPTED, Asked, Dialect
from ocpp_edge.commands.file_words import tries
from ocpp_edge.effects import in_ledger
from services.kernel.ids import request_number


def ask(body: PublishFirmware, command_id: str) -> Asked:
    place = {"location": body.location, "checksum": body.checksum}
    return "PublishFirmware", {**place, "requestId": request_number(command_id), **tries(body)}


COMMAND = Dialect(ask, ACCEPTED, effects={"PublishFirmware": in_ledger("file_jobs.state", "file_jobs.request_id")})
