"""UpdateFirmware, or SignedUpdateFirmware of the security whitepaper (OCPP 1.6)."""

from csms.transaction.v1.file_commands_pb2 import UpdateFirmware
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.file_words import TAKEN, firmware, stamp, tries
from ocpp_edge.commands.results import status_of
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.rpc.frames import Payload
from services.kernel.ids import request_number

_EFFECT = in_ledger("file_jobs.state", "file_jobs.request_id")


def ask(body: UpdateFirmware, command_id: str) -> Asked:
    if body.signature:
        asked = {"requestId": request_number(command_id), "firmware": firmware(body), **tries(body)}
        return "SignedUpdateFirmware", asked
    if body.HasField("install_time"):
        raise not_supported("an install time of unsigned firmware in OCPP 1.6")
    return "UpdateFirmware", {"location": body.location, "retrieveDate": stamp(body.retrieve_time), **tries(body)}


def reply(answer: Payload) -> tuple[bool, str]:
    """UpdateFirmware is answered with nothing: to be answered is to be taken."""
    return TAKEN(answer) if "status" in answer else (True, "")


COMMAND = Dialect(
    ask,
    reply,
    result=lambda answer: status_of(answer.get("status", "Accepted")),
    effects={"UpdateFirmware": _EFFECT, "SignedUpdateFirmware": _EFFECT},
)
