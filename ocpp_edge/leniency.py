"""What is forgiven in a payload that breaks its schema, as a table. The mending itself is in mending.py."""

from collections.abc import Mapping
from enum import Enum, auto


class Remedy(Enum):
    """What is done about a violation."""

    CONVERT = auto()  # to the type that the schema asks for; a null goes
    ROUND = auto()  # the same, and a fraction is rounded
    CUT = auto()  # to the greatest length
    MATCH = auto()  # the one allowed value that is spelled alike
    MATCH_OR_KEEP = auto()  # the same, or left as it is unless it is very long
    DROP = auto()  # the property goes
    KEEP = auto()  # left as it is: the handler copes with it
    KEEP_SHORT = auto()  # the same, unless it is very long


# By the keyword of the schema, then by property: `parent.property` before `property` before ANY. The parent of a
# property at the top is the action. What stands nowhere here is refused.
ANY = ""
TABLE: Mapping[str, Mapping[str, Remedy]] = {
    "type": {"meterStart": Remedy.ROUND, "meterStop": Remedy.ROUND, ANY: Remedy.CONVERT},
    "maxLength": {
        # Cut, these would name something else, or prove nothing.
        "idTag": Remedy.KEEP_SHORT,
        "idToken": Remedy.KEEP_SHORT,
        "transactionId": Remedy.KEEP_SHORT,
        "signedMeterData": Remedy.KEEP,
        "publicKey": Remedy.KEEP,
        ANY: Remedy.CUT,
    },
    "enum": {
        "chargingState": Remedy.MATCH_OR_KEEP,
        "context": Remedy.MATCH_OR_KEEP,
        "errorCode": Remedy.MATCH_OR_KEEP,
        "format": Remedy.MATCH_OR_KEEP,
        "idToken.type": Remedy.MATCH_OR_KEEP,
        "location": Remedy.MATCH_OR_KEEP,
        "measurand": Remedy.MATCH_OR_KEEP,
        "phase": Remedy.MATCH_OR_KEEP,
        "reason": Remedy.MATCH_OR_KEEP,
        "stoppedReason": Remedy.MATCH_OR_KEEP,
        "triggerReason": Remedy.MATCH_OR_KEEP,
        "unit": Remedy.MATCH_OR_KEEP,
        ANY: Remedy.MATCH,
    },
    "additionalProperties": {ANY: Remedy.DROP},
    "required": {
        "BootNotification.chargePointModel": Remedy.KEEP,
        "BootNotification.chargePointVendor": Remedy.KEEP,
        "BootNotification.reason": Remedy.KEEP,
        "MeterValues.connectorId": Remedy.KEEP,
        "MeterValues.evseId": Remedy.KEEP,
        "StartTransaction.idTag": Remedy.KEEP,
        "StartTransaction.meterStart": Remedy.KEEP,
        "StatusNotification.errorCode": Remedy.KEEP,
        "StopTransaction.meterStop": Remedy.KEEP,
        "StopTransaction.transactionId": Remedy.KEEP,
        "TransactionEvent.seqNo": Remedy.KEEP,
        "TransactionEvent.triggerReason": Remedy.KEEP,
        "chargingStation.model": Remedy.KEEP,
        "chargingStation.vendorName": Remedy.KEEP,
        "configurationKey.readonly": Remedy.KEEP,
        "customData.vendorId": Remedy.KEEP,
        "evse.id": Remedy.KEEP,
        "idToken.type": Remedy.KEEP,
        "timestamp": Remedy.KEEP,
        # Proof of a meter, whole or not.
        "encodingMethod": Remedy.KEEP,
        "publicKey": Remedy.KEEP,
        "signingMethod": Remedy.KEEP,
    },
    "minItems": {ANY: Remedy.KEEP},
    "maxItems": {ANY: Remedy.KEEP},
}
