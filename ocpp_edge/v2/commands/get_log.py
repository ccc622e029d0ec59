"""GetLog (OCPP 2.x)."""

from csms.transaction.v1.file_commands_pb2 import GetLog
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.file_words import TAKEN, log
from ocpp_edge.effects import in_ledger
from services.kernel.ids import request_number


def ask(body: GetLog, command_id: str) -> Asked:
    return "GetLog", log(body, request_number(command_id))


COMMAND = Dialect(ask, TAKEN, effects={"GetLog": in_ledger("file_jobs.state", "file_jobs.request_id")})
