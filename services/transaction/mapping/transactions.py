"""Transactions as callers and consumers see them."""

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from services.chassis.protobuf import enum_of, time_of, timestamp
from services.transaction.domain.fact import Authorization
from services.transaction.domain.session import Session, SessionState
from services.transaction.domain.transaction import TransactionFilter, TransactionView

AUTHORIZATIONS = {
    number: Authorization(name) for name, number in transaction_pb.Transaction.Authorization.items() if number
}
_AUTHORIZATION_NUMBERS = {authorization: number for number, authorization in AUTHORIZATIONS.items()}
_STATE_NUMBERS = {SessionState(name): number for name, number in transaction_pb.Transaction.State.items() if number}


def transaction_filter(request: service_pb.ListTransactionsRequest) -> TransactionFilter:
    """What a list request asks for."""
    return TransactionFilter(
        charge_point_id=request.charge_point_id,
        station_id=request.station_id,
        id_tag=request.id_tag.upper(),
        driver_id=request.driver_id,
        state=enum_of(SessionState, transaction_pb.Transaction.State, request.state),
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
    message = session_to_proto(view.session)
    if view.power_w is not None:
        message.power_w = view.power_w
    if view.soc_percent is not None:
        message.soc_percent = view.soc_percent
    return message


def session_to_proto(session: Session) -> transaction_pb.Transaction:
    """A session without what only its readings show."""
    return transaction_pb.Transaction(
        id=session.id,
        transaction_id=session.transaction_id,
        charge_point_id=session.charge_point_id,
        evse_id=session.evse_id,
        connector_id=session.connector_id,
        id_tag=session.id_tag,
        state=_STATE_NUMBERS[session.state],
        start_time=timestamp(session.start_time),
        stop_time=timestamp(session.stop_time),
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh,
        energy_wh=session.energy_wh,
        stop_reason=session.stop_reason,
        authorization=authorization_to_proto(session.authorization),
        driver_id=session.driver_id,
        station_id=session.station_id,
        protocol=session.protocol,
        charging_state=session.charging_state,
        offline=session.offline,
        flags=session.flags,
        revision=session.revision,
        create_time=timestamp(session.create_time),
        update_time=timestamp(session.update_time),
    )
