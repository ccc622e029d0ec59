"""Commands in the words of OCPP 2.x, and what its answers mean. Pure, both ways."""

from collections.abc import Mapping

from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, Reply, no_status, number_of, told_by_status
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.variables import component_variable, variable_of
from services.kernel.tokens import ISO14443, token_type

_BASES = {
    command_pb.GetBaseReport.BASE_UNSPECIFIED: "FullInventory",
    command_pb.GetBaseReport.CONFIGURATION_INVENTORY: "ConfigurationInventory",
    command_pb.GetBaseReport.FULL_INVENTORY: "FullInventory",
    command_pb.GetBaseReport.SUMMARY_INVENTORY: "SummaryInventory",
}
_CRITERIA = {
    command_pb.GetReport.ACTIVE: "Active",
    command_pb.GetReport.AVAILABLE: "Available",
    command_pb.GetReport.ENABLED: "Enabled",
    command_pb.GetReport.PROBLEM: "Problem",
}
# A driver who was let in from afar can end the session with his card only when it is presented as the same type.
_USUAL_TYPE = ISO14443


def remote_start(body: command_pb.RemoteStart, command_id: str) -> Asked:
    payload: Payload = {
        "idToken": {"idToken": body.id_tag, "type": token_type(body.token_type) or _USUAL_TYPE},
        "remoteStartId": number_of(command_id),
    }
    if body.connector_id:
        payload["evseId"] = body.connector_id
    return "RequestStartTransaction", payload


def remote_stop(body: command_pb.RemoteStop, _command_id: str) -> Asked:
    return "RequestStopTransaction", {"transactionId": body.ocpp_transaction_id}


def reset(body: command_pb.Reset, _command_id: str) -> Asked:
    payload: Payload = {"type": "Immediate" if body.type == command_pb.Reset.HARD else "OnIdle"}
    if body.evse_id:
        payload["evseId"] = body.evse_id
    return "Reset", payload


def unlock(body: command_pb.Unlock, _command_id: str) -> Asked:
    """Without an EVSE number, connectors are counted through the station: one for each EVSE."""
    evse_id, connector_id = (body.evse_id, body.connector_id) if body.evse_id else (body.connector_id, 1)
    return "UnlockConnector", {"evseId": evse_id, "connectorId": connector_id}


def change_availability(body: command_pb.ChangeAvailability, _command_id: str) -> Asked:
    out = body.availability == Connector.INOPERATIVE
    payload: Payload = {"operationalStatus": "Inoperative" if out else "Operative"}
    if body.evse_id or body.connector_id:
        payload["evse"] = {"id": body.evse_id or body.connector_id}
        if body.evse_id and body.connector_id:
            payload["evse"]["connectorId"] = body.connector_id
    return "ChangeAvailability", payload


def get_configuration(body: command_pb.GetConfiguration, _command_id: str) -> Asked:
    if not body.keys:
        raise not_supported(
            "reading all settings in one answer in OCPP 2.x; name the variables, or ask for a base report"
        )
    wanted = [variable_of(key, f"keys[{position}]") for position, key in enumerate(body.keys)]
    return "GetVariables", {"getVariableData": wanted}


def get_base_report(body: command_pb.GetBaseReport, command_id: str) -> Asked:
    return "GetBaseReport", {"requestId": number_of(command_id), "reportBase": _BASES[body.base]}


def get_report(body: command_pb.GetReport, command_id: str) -> Asked:
    payload: Payload = {"requestId": number_of(command_id)}
    if body.component_criteria:
        payload["componentCriteria"] = [_CRITERIA[criterion] for criterion in body.component_criteria]
    if body.component_variables:
        payload["componentVariable"] = [component_variable(wanted) for wanted in body.component_variables]
    return "GetReport", payload


def change_configuration(body: command_pb.ChangeConfiguration, _command_id: str) -> Asked:
    return "SetVariables", {"setVariableData": [{**variable_of(body.key, "key"), "attributeValue": body.value}]}


def rotate_password(body: command_pb.RotatePassword, _command_id: str) -> Asked:
    """Use case A01."""
    variable = variable_of("SecurityCtrlr.BasicAuthPassword", "password")
    return "SetVariables", {"setVariableData": [{**variable, "attributeValue": body.password}]}


def trigger_message(body: command_pb.TriggerMessage, _command_id: str) -> Asked:
    payload: Payload = {"requestedMessage": body.message}
    if body.connector_id:
        payload["evse"] = {"id": body.connector_id}
        if body.message == "StatusNotification":
            payload["evse"]["connectorId"] = 1  # use case F06: a status is that of a connector
    return "TriggerMessage", payload


def clear_cache(_body: command_pb.ClearCache, _command_id: str) -> Asked:
    return "ClearCache", {}


def get_transaction_status(body: command_pb.GetTransactionStatus, _command_id: str) -> Asked:
    return "GetTransactionStatus", {"transactionId": body.ocpp_transaction_id}


def transfer_data(body: command_pb.TransferData, _command_id: str) -> Asked:
    payload: Payload = {"vendorId": body.vendor_id}
    if body.message_id:
        payload["messageId"] = body.message_id
    if body.data:
        payload["data"] = body.data
    return "DataTransfer", payload


def told_by_variable(answer: Payload) -> tuple[bool, str]:
    """The answer to a change of one variable."""
    results = answer["setVariableResult"]
    status = results[0]["attributeStatus"] if results else ""
    return status in ("Accepted", "RebootRequired"), status


_ACCEPTED: Reply = told_by_status("Accepted")

DIALECT: Mapping[str, Dialect] = {
    "remote_start": Dialect(remote_start, _ACCEPTED),
    "remote_stop": Dialect(remote_stop, _ACCEPTED),
    "reset": Dialect(reset, told_by_status("Accepted", "Scheduled")),
    "unlock": Dialect(unlock, told_by_status("Unlocked")),
    "change_availability": Dialect(change_availability, told_by_status("Accepted", "Scheduled")),
    "get_configuration": Dialect(get_configuration, no_status),
    "get_base_report": Dialect(get_base_report, _ACCEPTED),
    # A report of nothing: the question was understood.
    "get_report": Dialect(get_report, told_by_status("Accepted", "EmptyResultSet")),
    "change_configuration": Dialect(change_configuration, told_by_variable),
    "rotate_password": Dialect(rotate_password, told_by_variable),
    "trigger_message": Dialect(trigger_message, _ACCEPTED),
    "clear_cache": Dialect(clear_cache, _ACCEPTED),
    "transfer_data": Dialect(transfer_data, _ACCEPTED),
    "get_transaction_status": Dialect(get_transaction_status, no_status),
}
