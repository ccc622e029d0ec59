"""UpdateFirmware (OCPP 2.x)."""

from csms.transaction.v1.file_commands_pb2 import UpdateFirmware
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.file_words import TAKEN, firmware, tries
from ocpp_edge.effects import in_ledger
from services.kernel.ids import request_number


def ask(body: UpdateFirmware, command_id: str) -> Asked:
    return "UpdateFirmware", {"requestId": request_number(command_id), "firmware": firmware(body), **tries(body)}


COMMAND = Dialect(ask, TAKEN, effects={"UpdateFirmware": in_ledger("file_jobs.state", "file_jobs.request_id")})
