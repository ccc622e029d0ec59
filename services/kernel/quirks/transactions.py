"""What is forgiven in what charge points tell of transactions, at the edge and in the transaction service."""

from services.kernel.quirks.quirk import Needed, Quirk

_NUMBER = "OCPP 1.6 sections 4.7 and 4.10: the transaction has the number that it was given at its start"
_REGISTER = "OCPP 1.6 section 7.31: Energy.Active.Import.Register is the register of the meter, in the unit told"

NO_TRANSACTION_NUMBER = Quirk(
    id="no-transaction-number",
    forgives="The number 0, -1 or none: the transaction is found by connector and time.",
    clause=_NUMBER,
    versions=("1.6",),
    needed=Needed.DATA_LOST,
)
NO_TRANSACTION_ID = Quirk(
    id="no-transaction-id",
    forgives="An event without the id of its transaction: it is found by EVSE and time.",
    clause="OCPP 2.0.1 part 2 E01 and TransactionType: transactionId is required",
    flag="coerced:",
    versions=("2.0.1", "2.1"),
    needed=Needed.DATA_LOST,
)
EVENT_TYPE_CONCLUDED = Quirk(
    id="event-type-concluded",
    forgives="An event without a type, or with one that is not known: it is concluded from the rest.",
    clause="OCPP 2.0.1 part 2 TransactionEventEnumType",
    versions=("2.0.1", "2.1"),
    needed=Needed.DATA_LOST,
)
NO_TAG = Quirk(
    id="no-tag",
    forgives="An empty tag, of one that starts by a button or by plugging in: no token was presented.",
    clause="OCPP 1.6 section 7.28: IdToken is the identifier of a card",
    versions=("1.6",),
    needed=Needed.SESSION_REFUSED,
)
DETAILS_UNREAD = Quirk(
    id="details-unread",
    forgives="Details that made the edge fail: the transaction goes on without, and they are kept as they were sent.",
    clause="none: it is a defect of ours that a charge point shall not be told of for ever",
    flag="details_unread",
    needed=Needed.SESSION_REFUSED,
)
TRANSACTION_REGISTER = Quirk(
    id="transaction-register",
    forgives="A register that starts from zero with each transaction.",
    clause=_REGISTER,
    flag="transaction_register",
    needed=Needed.DATA_LOST,
    counted=False,
)
MISLABELLED_UNIT = Quirk(
    id="mislabelled-unit",
    forgives="Watt-hours that are called kilowatt-hours, or the other way round.",
    clause=_REGISTER,
    flag="mislabelled_unit",
    needed=Needed.DATA_LOST,
    counted=False,
)
OUTLIER_READING = Quirk(
    id="outlier-reading",
    forgives="A register among others that cannot be true: it is left out.",
    clause=_REGISTER,
    flag="outlier_reading",
    needed=Needed.DATA_LOST,
    counted=False,
)
