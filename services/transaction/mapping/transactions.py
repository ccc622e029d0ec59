"""Transactions as callers and consumers see them."""

from collections.abc import Sequence

from csms.driver.v1 import driver_pb2 as driver_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.tokens import token_value
from services.rpc.flags import write_flags
from services.rpc.protobuf import enum_of, time_of, write_time
from services.transaction.domain.curve import CurvePoint
from services.transaction.domain.ending import Wish
from services.transaction.domain.fact import Authorization
from services.transaction.domain.sequence import SequenceGap
from services.transaction.domain.transaction import Transaction, TransactionState
from services.transaction.domain.transaction_view import ChargingStateChange, TransactionFilter, TransactionView

_NOT_READ = -1
AUTHORIZATIONS = {
    number: Authorization(name) for name, number in transaction_pb.Transaction.Authorization.items() if number
}
_AUTHORIZATION_NUMBERS = {authorization: number for number, authorization in AUTHORIZATIONS.items()}
# By name as far as the contract knows them; nothing is said of the others.
REASON_NUMBERS = {name: number for name, number in driver_pb.TokenDecision.Reason.items() if number}
REASONS = {number: name for name, number in REASON_NUMBERS.items()}
_STATE_NUMBERS = {TransactionState(name): number for name, number in transaction_pb.Transaction.State.items() if number}


def transaction_filter(request: service_pb.ListTransactionsRequest) -> TransactionFilter:
    """What a list request asks for."""
    return TransactionFilter(
        charge_point_id=request.charge_point_id,
        station_id=request.station_id,
        id_tag=token_value(request.id_tag),
        driver_id=request.driver_id,
        state=enum_of(TransactionState, transaction_pb.Transaction.State, request.state),
        start_time_from=time_of(request, "start_time_from"),
        start_time_to=time_of(request, "start_time_to"),
        ids=tuple(request.ids),
        update_time_from=time_of(request, "update_time_from"),
    )


def authorization_to_proto(authorization: Authorization | None) -> transaction_pb.Transaction.Authorization.ValueType:
    """The decision about a token."""
    if authorization is None:
        return transaction_pb.Transaction.AUTHORIZATION_UNSPECIFIED
    return _AUTHORIZATION_NUMBERS[authorization]


def view_to_proto(view: TransactionView) -> transaction_pb.Transaction:
    """The resource as callers see it."""
    message = transaction_to_proto(view.transaction)
    if view.power_w is not None:
        message.power_w = view.power_w
    if view.soc_percent is not None:
        message.soc_percent = view.soc_percent
    if (decision := view.end_decision) is not None:
        message.end_decision.decided_by = decision.decided_by
        message.end_decision.reason = decision.reason
        write_time(decision.create_time, message.end_decision.create_time)
        write_time(decision.stop_time, message.end_decision.stop_time)
        if decision.meter_stop_wh is not None:
            message.end_decision.meter_stop_wh = decision.meter_stop_wh
    if (gap := view.gap) is not None:
        _write_gap(gap, message.missing_events)
    return message


def _write_gap(gap: SequenceGap, message: transaction_pb.MissingEvents) -> None:
    message.numbers.extend(gap.missing)
    write_time(gap.found_time, message.found_time)
    if gap.asked_time is not None:
        write_time(gap.asked_time, message.asked_time)
    if gap.messages_in_queue is not None:
        message.messages_in_queue = gap.messages_in_queue


def wish_of(request: service_pb.EndTransactionRequest, decided_by: str) -> Wish:
    """What an operator wants of the end of a transaction. Raises: INVALID_FIELD."""
    return Wish(
        reason=request.reason,
        decided_by=decided_by,
        stop_time=time_of(request, "stop_time"),
        meter_stop_wh=request.meter_stop_wh if request.HasField("meter_stop_wh") else None,
    )


def change_to_proto(change: ChargingStateChange) -> transaction_pb.ChargingStateChange:
    """A change of the charging state as callers see it."""
    message = transaction_pb.ChargingStateChange(charging_state=change.charging_state)
    write_time(change.time, message.time)
    return message


def curve_to_proto(transaction_id: str, points: Sequence[CurvePoint]) -> service_pb.EnergyCurve:
    """The energy of a transaction over its time."""
    begin = points[0].time
    message = service_pb.EnergyCurve(
        transaction_id=transaction_id,
        offsets_seconds=[point.time - begin for point in points],
        energies_wh=[point.energy_wh for point in points],
        powers_w=[_NOT_READ if point.power_w is None else point.power_w for point in points],
    )
    message.begin_time.seconds = begin
    return message


def transaction_to_proto(transaction: Transaction) -> transaction_pb.Transaction:
    """A transaction without what only its readings show."""
    message = transaction_pb.Transaction()
    write_transaction(transaction, message)
    return message


def write_transaction(transaction: Transaction, message: transaction_pb.Transaction) -> None:
    """Fill an empty message in place, where it lies inside of another: a third of the cost of making and copying it."""
    for name in _PLAIN:
        # What equals the default of its field need not be set.
        if value := getattr(transaction, name):
            setattr(message, name, value)
    for name in _OPTIONAL:
        if (value := getattr(transaction, name)) is not None:
            setattr(message, name, value)
    for name in _TIMES:
        if (time := getattr(transaction, name)) is not None:
            write_time(time, getattr(message, name))
    if transaction.tenant_id != DEFAULT_TENANT:
        message.tenant_id = transaction.tenant_id
    message.state = _STATE_NUMBERS[transaction.state]
    message.authorization = authorization_to_proto(transaction.authorization)
    if transaction.authorization_reason in REASON_NUMBERS:
        message.authorization_reason = REASON_NUMBERS[transaction.authorization_reason]
    if transaction.flags:
        write_flags(transaction.flags, message)


_PLAIN = (
    "id",
    "ocpp_transaction_id",
    "charge_point_id",
    "evse_id",
    "connector_id",
    "id_tag",
    "token_type",
    "energy_wh",
    "energy_doubt",
    "stop_reason",
    "driver_id",
    "station_id",
    "protocol",
    "charging_state",
    "offline",
    "revision",
    "merged_into",
)
_OPTIONAL = ("meter_start_wh", "meter_stop_wh")
_TIMES = ("start_time", "stop_time", "create_time", "update_time")
