"""What commands about files have in common in the words of the versions. Pure."""

from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp

from csms.transaction.v1.file_commands_pb2 import GetLog, PublishFirmware, UpdateFirmware
from ocpp_edge.commands.dialect import by_status
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.rpc.frames import Payload

# What went on was given up for it (OCPP 2.0.1, L01.FR.24 and N01.FR.12).
TAKEN = by_status("Accepted", "AcceptedCanceled")


def stamp(time: Timestamp) -> str:
    """A time as charge points read it."""
    return iso_text(time.ToDatetime(UTC))


def tries(body: GetLog | UpdateFirmware | PublishFirmware) -> Payload:
    """How often to try again, as far as it was said."""
    said: Payload = {}
    if body.retries:
        said["retries"] = body.retries
    if body.retry_interval_seconds:
        said["retryInterval"] = body.retry_interval_seconds
    return said


def firmware(body: UpdateFirmware) -> Payload:
    """The part that SignedUpdateFirmware of 1.6 and UpdateFirmware of 2.x word alike."""
    part: Payload = {"location": body.location, "retrieveDateTime": stamp(body.retrieve_time)}
    if body.HasField("install_time"):
        part["installDateTime"] = stamp(body.install_time)
    if body.signature:
        part |= {"signingCertificate": body.signing_certificate, "signature": body.signature}
    return part


def log(body: GetLog, request_id: int) -> Payload:
    """GetLog, which the security whitepaper for 1.6 and 2.x word alike."""
    place: Payload = {"remoteLocation": body.location}
    if body.HasField("oldest_time"):
        place["oldestTimestamp"] = stamp(body.oldest_time)
    if body.HasField("latest_time"):
        place["latestTimestamp"] = stamp(body.latest_time)
    kind = "SecurityLog" if body.type == GetLog.SECURITY else "DiagnosticsLog"
    return {"log": place, "logType": kind, "requestId": request_id, **tries(body)}
