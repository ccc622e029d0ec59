"""What is forgiven in a payload that breaks its schema, as tables. The mending itself is in repair.py.

A rule without an entry here: what cannot be read counts as not told. It is dropped as the smallest optional part that
holds it, and whatever is good beside it is kept. A payload is refused only for what these tables do not do without.
"""

from collections.abc import Mapping

# A payload with more unknown properties at its top is refused unread; a part of it that holds more than this of what is
# wrong is dropped as a whole. That bounds what a payload costs.
MOST_BROKEN = 5000
# What may still be put right after a part was dropped for that.
FEW_BROKEN = 100
# What is kept although the schema wants it shorter, or wants one of a few words, is no longer than this.
LONGEST_KEPT = 255

# Properties are named `parent.property` or, wherever they stand, `property`. The parent of a property at the top is the
# action.

# What a charge point notifies of itself is kept, whatever is left of it: nothing at the top of these messages is
# needed, and what they say in words of their own is kept as said.
NOTIFICATIONS = frozenset(
    {
        "ClearedChargingLimit",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyPeriodicEventStream",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignedFirmwareStatusNotification",
    }
)
# Required, and done without: whoever reads the payload takes them with `get`.
DISPENSABLE = frozenset(
    {
        "BootNotification.chargePointModel",
        "BootNotification.chargePointVendor",
        "BootNotification.chargingStation",
        "BootNotification.reason",
        "MeterValues.connectorId",
        "MeterValues.evseId",
        "MeterValues.meterValue",
        "StartTransaction.connectorId",
        "StartTransaction.idTag",
        "StartTransaction.meterStart",
        "StatusNotification.connectorId",
        "StatusNotification.connectorStatus",
        "StatusNotification.errorCode",
        "StatusNotification.evseId",
        "StatusNotification.status",
        "StopTransaction.meterStop",
        "StopTransaction.transactionId",
        "TransactionEvent.eventType",
        "TransactionEvent.seqNo",
        "TransactionEvent.transactionInfo",
        "TransactionEvent.triggerReason",
        "chargingStation.model",
        "chargingStation.vendorName",
        "configurationKey.readonly",
        "customData.vendorId",
        "evse.id",
        "idToken.idToken",
        "idToken.type",
        "timestamp",
        "transactionInfo.transactionId",
        # Proof of a meter, whole or not.
        "encodingMethod",
        "publicKey",
        "signingMethod",
        # Of a variable that changed.
        "eventData.actualValue",
        "eventData.component",
        "eventData.eventId",
        "eventData.eventNotificationType",
        "eventData.trigger",
        "eventData.variable",
        "generatedAt",
        # OCPP 2.0.1 does not ask for it.
        "variableMonitoring.eventNotificationType",
    }
)
# Kept as said when they are none of the words that the schema allows: facts in the words of a charge point.
FREE_WORDS = frozenset(
    {
        "StatusNotification.connectorStatus",
        "StatusNotification.status",
        "TransactionEvent.eventType",
        "chargingState",
        "context",
        "errorCode",
        "format",
        "idToken.type",
        "location",
        "measurand",
        "phase",
        "reason",
        "stoppedReason",
        "triggerReason",
        "unit",
        "eventData.eventNotificationType",
        "eventData.trigger",
        "chargingLimit.chargingLimitSource",
    }
)
# Kept whole when they are too long: cut they would name something else.
NAMES = frozenset({"idTag", "idToken", "idToken.type", "chargingLimitSource"})
# The same, and what is longer than LONGEST_KEPT gets a name of that length, the same each time: nothing else holds the
# messages of a session together.
LASTING_NAMES = frozenset({"transactionId"})
# Kept whole however long they are: cut they would prove nothing.
PROOFS = frozenset({"publicKey", "signedMeterData"})
# What a text in the place of an object tells of it, and which texts do; None for any that is not empty. Of others it
# tells nothing: no session or place may be made up.
GIVEN_ALONE: Mapping[str, tuple[str, frozenset[str] | None]] = {
    "idToken": ("idToken", None),
    "unitOfMeasure": ("unit", frozenset({"A", "V", "W", "Wh", "kW", "kWh"})),
}
# Whole numbers of Wh: rounded, and understood with a unit behind them.
REGISTERS = frozenset({"meterStart", "meterStop"})
# Texts that charge points make of whatever their settings are.
SETTINGS = frozenset({"configurationKey.value", "getVariableResult.attributeValue", "variableAttribute.value"})
