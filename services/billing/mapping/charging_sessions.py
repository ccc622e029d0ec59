"""Charging sessions, and the snapshots of transactions they follow from."""

from typing import Any

from csms.billing.v1 import billing_service_pb2 as service_pb
from csms.billing.v1 import charging_session_pb2 as session_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.billing.domain.charging_session import (
    ChargingSession,
    ChargingSessionFilter,
    SessionState,
    TransactionSnapshot,
)
from services.billing.mapping.money import money_to_proto
from services.chassis.protobuf import enum_of, time_of, timestamp
from services.kernel.errors import invalid
from services.kernel.ids import is_id

_WITHOUT_START = (transaction_pb.Transaction.ORPHAN, transaction_pb.Transaction.MERGED)


def charging_session_filter(request: service_pb.ListChargingSessionsRequest) -> ChargingSessionFilter:
    """What a list request asks for."""
    return ChargingSessionFilter(
        driver_id=request.driver_id,
        station_id=request.station_id,
        state=enum_of(SessionState, session_pb.ChargingSession.State, request.state),
        transaction_id=request.transaction_id,
        start_time_from=time_of(request, "start_time_from"),
        start_time_to=time_of(request, "start_time_to"),
        update_time_from=time_of(request, "update_time_from"),
    )


def charging_session_fields(message: session_pb.ChargingSession) -> dict[str, Any]:
    """What a caller says of a new session, by the names of the domain."""
    return {
        "station_id": message.station_id or None,
        "charge_point_id": message.charge_point_id,
        "connector_id": message.connector_id,
        "driver_id": message.driver_id or None,
        "id_tag": message.id_tag.upper(),
        "tariff_id": message.tariff_id or None,
    }


def charging_session_to_proto(session: ChargingSession) -> session_pb.ChargingSession:
    """The resource as callers see it."""
    return session_pb.ChargingSession(
        id=session.id,
        transaction_id=session.transaction_id or "",
        station_id=session.station_id or "",
        charge_point_id=session.charge_point_id,
        connector_id=session.connector_id,
        driver_id=session.driver_id or "",
        id_tag=session.id_tag,
        state=session_pb.ChargingSession.State.Value(session.state),
        start_time=timestamp(session.start_time),
        end_time=timestamp(session.end_time),
        energy_wh=session.energy_wh,
        cost=money_to_proto(session.cost) if session.cost else None,
        tariff_id=session.tariff_id or "",
        tariff_version=session.tariff_version,
        invoice_id=session.invoice_id or "",
        hold_reason=session.hold_reason,
        create_time=timestamp(session.create_time),
        update_time=timestamp(session.update_time),
        revision=session.revision,
    )


def transaction_snapshot(message: transaction_pb.Transaction) -> TransactionSnapshot:
    """What the transaction service tells of a session, as far as billing cares. Raises: INVALID_FIELD."""
    start_time = time_of(message, "start_time") or time_of(message, "create_time")
    if start_time is None:
        raise invalid("transaction.createTime", "must be set")
    return TransactionSnapshot(
        id=message.id,
        charge_point_id=message.charge_point_id,
        connector_id=message.connector_id,
        station_id=message.station_id if is_id(message.station_id) else None,
        driver_id=message.driver_id if is_id(message.driver_id) else None,
        id_tag=message.id_tag,
        is_accepted=message.authorization == transaction_pb.Transaction.ACCEPTED,
        has_start=message.state not in _WITHOUT_START,
        is_merged=message.state == transaction_pb.Transaction.MERGED,
        start_time=start_time,
        stop_time=time_of(message, "stop_time"),
        energy_wh=message.energy_wh,
        flags=tuple(message.flags),
        revision=message.revision,
    )
