"""Commands in the words of OCPP 1.6, and what its answers mean. Pure, both ways."""

import re
from collections.abc import Mapping

from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, Reply, no_status, told_by_status
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.configuration import COMPONENT
from services.kernel.errors import invalid

_NUMBER = re.compile(r"-?[0-9]{1,20}")
# What JSON carries as a whole number, and charge points can have told.
_WHOLE = range(-(2**63), 2**64)
_PASSWORD_KEY = "AuthorizationKey"
_DIGITS, _MOST_DIGITS = re.compile(r"[0-9A-Fa-f]*"), 40
# Messages that came with the security whitepaper (edition 3, section 5).
_EXTENDED_TRIGGERS = frozenset({"LogStatusNotification", "SignChargePointCertificate"})


def remote_start(body: command_pb.RemoteStart, _command_id: str) -> Asked:
    payload: Payload = {"idTag": body.id_tag}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    return "RemoteStartTransaction", payload


def remote_stop(body: command_pb.RemoteStop, _command_id: str) -> Asked:
    # Whatever number a charge point goes by: some count below zero.
    if not _NUMBER.fullmatch(body.ocpp_transaction_id) or int(body.ocpp_transaction_id) not in _WHOLE:
        raise invalid("transactionId", "is not the number of a transaction of OCPP 1.6")
    return "RemoteStopTransaction", {"transactionId": int(body.ocpp_transaction_id)}


def reset(body: command_pb.Reset, _command_id: str) -> Asked:
    if body.evse_id:
        raise not_supported("reset of a single EVSE in OCPP 1.6")
    return "Reset", {"type": "Hard" if body.type == command_pb.Reset.HARD else "Soft"}


def unlock(body: command_pb.Unlock, _command_id: str) -> Asked:
    return "UnlockConnector", {"connectorId": body.connector_id}


def change_availability(body: command_pb.ChangeAvailability, _command_id: str) -> Asked:
    out = body.availability == Connector.INOPERATIVE
    payload: Payload = {
        "connectorId": body.connector_id or body.evse_id,
        "type": "Inoperative" if out else "Operative",
    }
    return "ChangeAvailability", payload


def get_configuration(body: command_pb.GetConfiguration, _command_id: str) -> Asked:
    return "GetConfiguration", {"key": list(body.keys)} if body.keys else {}


def get_base_report(body: command_pb.GetBaseReport, _command_id: str) -> Asked:
    """Its keys are all that a charge point has to tell, and nearly all of them can be configured."""
    if body.base == command_pb.GetBaseReport.SUMMARY_INVENTORY:
        raise not_supported("a summary inventory in OCPP 1.6")
    return "GetConfiguration", {}


def get_report(body: command_pb.GetReport, _command_id: str) -> Asked:
    if body.component_criteria:
        raise not_supported("reports by component criteria in OCPP 1.6")
    for position, wanted in enumerate(body.component_variables):
        if wanted.component.name.lower() != COMPONENT.lower():
            raise invalid(f"componentVariables[{position}].component", f"must be {COMPONENT} in OCPP 1.6")
    keys = [wanted.variable.name for wanted in body.component_variables]
    # One that names the component alone asks for all of it.
    return "GetConfiguration", {"key": keys} if all(keys) else {}


def change_configuration(body: command_pb.ChangeConfiguration, _command_id: str) -> Asked:
    return "ChangeConfiguration", {"key": body.key, "value": body.value}


def rotate_password(body: command_pb.RotatePassword, _command_id: str) -> Asked:
    return "ChangeConfiguration", {"key": _PASSWORD_KEY, "value": body.password}


def rotate_password_in_digits(body: command_pb.RotatePassword) -> Asked | None:
    """Some take a password as the hexadecimal digits of its bytes only (security whitepaper, A01): 20 bytes at most."""
    digits = body.password.encode().hex()
    is_other = len(digits) <= _MOST_DIGITS and not _DIGITS.fullmatch(body.password)
    return ("ChangeConfiguration", {"key": _PASSWORD_KEY, "value": digits}) if is_other else None


def trigger_message(body: command_pb.TriggerMessage, _command_id: str) -> Asked:
    payload: Payload = {"requestedMessage": body.message}
    if body.connector_id:
        payload["connectorId"] = body.connector_id
    return "ExtendedTriggerMessage" if body.message in _EXTENDED_TRIGGERS else "TriggerMessage", payload


def clear_cache(_body: command_pb.ClearCache, _command_id: str) -> Asked:
    return "ClearCache", {}


def transfer_data(body: command_pb.TransferData, _command_id: str) -> Asked:
    payload: Payload = {"vendorId": body.vendor_id}
    if body.message_id:
        payload["messageId"] = body.message_id
    if body.data:
        payload["data"] = body.data
    return "DataTransfer", payload


_ACCEPTED: Reply = told_by_status("Accepted")

DIALECT: Mapping[str, Dialect] = {
    "remote_start": Dialect(remote_start, _ACCEPTED),
    "remote_stop": Dialect(remote_stop, _ACCEPTED),
    "reset": Dialect(reset, _ACCEPTED),
    "unlock": Dialect(unlock, told_by_status("Unlocked")),
    "change_availability": Dialect(change_availability, told_by_status("Accepted", "Scheduled")),
    "get_configuration": Dialect(get_configuration, no_status),
    "get_base_report": Dialect(get_base_report, no_status),
    "get_report": Dialect(get_report, no_status),
    "change_configuration": Dialect(change_configuration, told_by_status("Accepted", "RebootRequired")),
    "rotate_password": Dialect(
        rotate_password, told_by_status("Accepted", "RebootRequired"), rotate_password_in_digits
    ),
    "trigger_message": Dialect(trigger_message, _ACCEPTED),
    "clear_cache": Dialect(clear_cache, _ACCEPTED),
    "transfer_data": Dialect(transfer_data, _ACCEPTED),
}
