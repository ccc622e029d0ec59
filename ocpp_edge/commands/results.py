"""What an answer says, in words that are the same for every OCPP version. Pure.

Reads what is left of an answer after its faults were taken out: everything may be missing, and other words may be used.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from csms.transaction.v1.command_result_pb2 import (
    CommandResult,
    DataTransferResult,
    StatusResult,
    TransactionStatusResult,
    UnlockResult,
)
from ocpp_edge.rpc.frames import Payload

Result = Callable[[Payload], CommandResult]

_STATUSES: Mapping[str, StatusResult.Status.ValueType] = {
    "Accepted": StatusResult.ACCEPTED,
    "Rejected": StatusResult.REJECTED,
    "Scheduled": StatusResult.SCHEDULED,
    "RebootRequired": StatusResult.REBOOT_REQUIRED,
    "NotImplemented": StatusResult.NOT_SUPPORTED,
    "NotSupported": StatusResult.NOT_SUPPORTED,
    "NotSupportedAttributeType": StatusResult.NOT_SUPPORTED,
    "UnknownComponent": StatusResult.UNKNOWN_KEY,
    "UnknownVariable": StatusResult.UNKNOWN_KEY,
    "EmptyResultSet": StatusResult.EMPTY,
    "UnsupportedMonitorType": StatusResult.NOT_SUPPORTED,
    "Duplicate": StatusResult.DUPLICATE,
    "NotFound": StatusResult.NOT_FOUND,
}
_UNLOCKS: Mapping[str, UnlockResult.Status.ValueType] = {
    "Unlocked": UnlockResult.UNLOCKED,
    "UnlockFailed": UnlockResult.UNLOCK_FAILED,
    "NotSupported": UnlockResult.NOT_SUPPORTED,
    "OngoingAuthorizedTransaction": UnlockResult.ONGOING_TRANSACTION,
    "UnknownConnector": UnlockResult.UNKNOWN_CONNECTOR,
}
_TRANSFERS: Mapping[str, DataTransferResult.Status.ValueType] = {
    "Accepted": DataTransferResult.ACCEPTED,
    "Rejected": DataTransferResult.REJECTED,
    "UnknownMessageId": DataTransferResult.UNKNOWN_MESSAGE_ID,
    "UnknownVendorId": DataTransferResult.UNKNOWN_VENDOR_ID,
}


def status_result(answer: Payload) -> CommandResult:
    """Of an answer with a `status`."""
    return status_of(answer.get("status", ""), answer.get("statusInfo"))


def setting_changed_16(answer: Payload) -> CommandResult:
    """OCPP 1.6, ChangeConfiguration: `NotSupported` says that there is no such key."""
    status = answer.get("status", "")
    return status_of("UnknownVariable" if status == "NotSupported" else status)


def status_of(word: str, info: Any = None) -> CommandResult:
    """A status in the words of OCPP, and what 2.x says beside it."""
    fields = info if isinstance(info, dict) else {}
    status = StatusResult(
        status=_STATUSES.get(word, StatusResult.STATUS_UNSPECIFIED),
        reason_code=str(fields.get("reasonCode", "")),
        details=str(fields.get("additionalInfo", "")),
    )
    return CommandResult(status=status)


def taken(_answer: Payload) -> CommandResult:
    """Of an answer without a status that tells what is reported elsewhere."""
    return status_of("Accepted")


def unlock_result(answer: Payload) -> CommandResult:
    """UnlockConnector."""
    status = _UNLOCKS.get(answer.get("status", ""), UnlockResult.STATUS_UNSPECIFIED)
    return CommandResult(unlock=UnlockResult(status=status))


def data_transfer_result(answer: Payload) -> CommandResult:
    """DataTransfer. By OCPP 2.x its data is of any kind."""
    data = answer.get("data", "")
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    status = _TRANSFERS.get(answer.get("status", ""), DataTransferResult.STATUS_UNSPECIFIED)
    return CommandResult(data_transfer=DataTransferResult(status=status, data=text))


def transaction_status_result(answer: Payload) -> CommandResult:
    """GetTransactionStatus."""
    status = TransactionStatusResult(
        is_ongoing=answer.get("ongoingIndicator"), has_messages_in_queue=bool(answer.get("messagesInQueue"))
    )
    return CommandResult(transaction_status=status)
