"""Charging sessions, and the snapshots of transactions they follow from."""

from typing import Any

from csms.billing.v1 import billing_service_pb2 as service_pb
from csms.billing.v1 import charging_session_pb2 as session_pb
from csms.billing.v1 import hold_pb2 as hold_pb
from csms.billing.v1 import session_decision_pb2 as decision_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.billing.domain.charging_session import ChargingSession, ChargingSessionFilter, SessionState
from services.billing.domain.following import TransactionSnapshot, difference
from services.billing.domain.remarks import NO_REMARKS, Correction, Decided, Remarks
from services.billing.mapping.decisions import kind_to_proto, reason_to_proto
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.kernel.ids import is_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.rpc.flags import read_flags
from services.rpc.protobuf import enum_of, money_to_proto, number_of, text_of, time_of, timestamp
from services.rpc.tenants import named

_AUTHORIZATIONS = {number: name.lower() for name, number in transaction_pb.Transaction.Authorization.items() if number}
_WITHOUT_START = (transaction_pb.Transaction.ORPHAN, transaction_pb.Transaction.MERGED)


def charging_session_filter(request: service_pb.ListChargingSessionsRequest) -> ChargingSessionFilter:
    """What a list request asks for."""
    return ChargingSessionFilter(
        driver_id=request.driver_id,
        station_id=request.station_id,
        charge_point_id=composed(request.charge_point_id),
        state=enum_of(SessionState, session_pb.ChargingSession.State, request.state),
        transaction_id=request.transaction_id,
        start_time_from=time_of(request, "start_time_from"),
        start_time_to=time_of(request, "start_time_to"),
        update_time_from=time_of(request, "update_time_from"),
        hold_reason=text_of(hold_pb.Hold.Reason, request.hold_reason),
        has_correction=request.has_correction,
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
    message = session_pb.ChargingSession(
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
        hold_reason=reason_to_proto(session.hold_reason) if session.state is SessionState.HELD else None,
        create_time=timestamp(session.create_time),
        update_time=timestamp(session.update_time),
        revision=session.revision,
        etag=session.etag,
        idle_minutes=session.idle_minutes,
        decision_count=session.remarks.decision_count,
        tenant_id=named(session.tenant_id),
    )
    if session.remarks is not NO_REMARKS:
        _write_remarks(session, session.remarks, message)
    return message


def _write_remarks(session: ChargingSession, remarks: Remarks, message: session_pb.ChargingSession) -> None:
    message.hold_detail = remarks.hold_detail
    message.flags.extend(number_of(session_pb.ChargingSession.Flag, flag) for flag in remarks.flags)
    for note in remarks.notes:
        kind = number_of(session_pb.SessionNote.Kind, note.kind)
        message.notes.add(
            kind=kind, detail=note.detail, revision=note.revision, create_time=timestamp(note.create_time)
        )
    if (correction := _shown_correction(session, remarks)) is not None:
        message.correction.CopyFrom(_correction_to_proto(correction))
    if remarks.decision is not None:
        message.decision.CopyFrom(_decision_to_proto(session, remarks.decision))


def _shown_correction(session: ChargingSession, remarks: Remarks) -> Correction | None:
    """The correction that waits, else the one that is made by itself."""
    if remarks.correction is not None or remarks.due is None:
        return remarks.correction
    detail = difference(session, remarks.due.facts)
    return Correction(remarks.due.facts, session.hold_reason, detail, remarks.due.revision, session.update_time)


def _correction_to_proto(correction: Correction) -> session_pb.SessionCorrection:
    facts = correction.facts
    return session_pb.SessionCorrection(
        reason=reason_to_proto(correction.reason),
        detail=correction.detail,
        start_time=timestamp(facts.start_time),
        end_time=timestamp(facts.end_time),
        energy_wh=facts.energy_wh,
        driver_id=facts.driver_id or "",
        station_id=facts.station_id or "",
        cost=money_to_proto(correction.cost) if correction.cost else None,
        revision=correction.revision,
        create_time=timestamp(correction.create_time),
    )


def _decision_to_proto(session: ChargingSession, decision: Decided) -> decision_pb.SessionDecision:
    return decision_pb.SessionDecision(
        id=decision.id,
        charging_session_id=session.id,
        kind=kind_to_proto(decision.kind),
        reason=decision.reason,
        decided_by=decision.decided_by,
        create_time=timestamp(decision.create_time),
    )


def transaction_snapshot(message: transaction_pb.Transaction, tenant_id: str = "") -> TransactionSnapshot:
    """What the transaction service tells of a session, as far as billing cares; an event says whose it is by itself.

    Raises: INVALID_FIELD.
    """
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
        energy_doubt=message.energy_doubt,
        flags=read_flags(message),
        revision=message.revision,
        authorization=_AUTHORIZATIONS.get(message.authorization, ""),
        tenant_id=tenant_id or message.tenant_id or DEFAULT_TENANT,
    )
