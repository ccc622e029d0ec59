"""GetDiagnostics, or GetLog of the security whitepaper for the security log (OCPP 1.6)."""

from csms.transaction.v1.file_commands_pb2 import GetLog
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.file_words import TAKEN, log, stamp, tries
from ocpp_edge.commands.results import status_of
from ocpp_edge.effects import in_ledger
from ocpp_edge.rpc.frames import Payload
from services.kernel.ids import request_number

_EFFECT = in_ledger("file_jobs.state", "file_jobs.request_id")


def ask(body: GetLog, command_id: str) -> Asked:
    """GetDiagnostics is what every charge point has."""
    if body.type == GetLog.SECURITY:
        return "GetLog", log(body, request_number(command_id))
    payload: Payload = {"location": body.location, **tries(body)}
    if body.HasField("oldest_time"):
        payload["startTime"] = stamp(body.oldest_time)
    if body.HasField("latest_time"):
        payload["stopTime"] = stamp(body.latest_time)
    return "GetDiagnostics", payload


def reply(answer: Payload) -> tuple[bool, str]:
    """GetDiagnostics is answered with the name of a file, which many leave out that send one all the same."""
    return TAKEN(answer) if "status" in answer else (True, "")


COMMAND = Dialect(
    ask,
    reply,
    result=lambda answer: status_of(answer.get("status", "Accepted")),
    effects={"GetDiagnostics": _EFFECT, "GetLog": _EFFECT},
)
