"""Decisions of persons about charging sessions."""

from csms.billing.v1 import decision_service_pb2 as service_pb
from csms.billing.v1 import hold_pb2 as hold_pb
from csms.billing.v1 import session_decision_pb2 as decision_pb
from services.billing.domain.decision import Choice, Decision, DecisionFilter, Figures
from services.billing.domain.remarks import DecisionKind
from services.rpc.protobuf import enum_of, money_to_proto, number_of, time_of, timestamp


def release(request: service_pb.ReleaseChargingSessionRequest, decided_by: str) -> Choice:
    """The decision to bill a session as its charge point tells it."""
    return Choice(
        kind=DecisionKind.RELEASE, reason=request.reason, decided_by=decided_by, tariff_id=request.tariff_id or None
    )


def correct(request: service_pb.CorrectChargingSessionRequest, decided_by: str) -> Choice:
    """The decision to bill a session by a person's figures. Raises: INVALID_FIELD."""
    return Choice(
        kind=DecisionKind.CORRECT,
        reason=request.reason,
        decided_by=decided_by,
        energy_wh=request.energy_wh if request.HasField("energy_wh") else None,
        start_time=time_of(request, "start_time"),
        end_time=time_of(request, "end_time"),
        idle_minutes=request.idle_minutes if request.HasField("idle_minutes") else None,
        driver_id=request.driver_id or None,
        tariff_id=request.tariff_id or None,
    )


def write_off(request: service_pb.WriteOffChargingSessionRequest, decided_by: str) -> Choice:
    """The decision to bill nothing."""
    return Choice(kind=DecisionKind.WRITE_OFF, reason=request.reason, decided_by=decided_by)


def keep(request: service_pb.KeepBillRequest, decided_by: str) -> Choice:
    """The decision to leave a bill as it is."""
    return Choice(kind=DecisionKind.KEEP, reason=request.reason, decided_by=decided_by)


def decision_filter(request: service_pb.ListSessionDecisionsRequest) -> DecisionFilter:
    """What a list request asks for."""
    return DecisionFilter(
        charging_session_id=request.charging_session_id,
        kind=enum_of(DecisionKind, decision_pb.SessionDecision.Kind, request.kind),
        decided_by=request.decided_by,
        create_time_from=time_of(request, "create_time_from"),
        create_time_to=time_of(request, "create_time_to"),
    )


def kind_to_proto(kind: DecisionKind) -> decision_pb.SessionDecision.Kind.ValueType:
    """What was decided."""
    return decision_pb.SessionDecision.Kind.Value(kind)


def reason_to_proto(reason: str) -> hold_pb.Hold.Reason.ValueType:
    """Why something waits."""
    number: hold_pb.Hold.Reason.ValueType = number_of(hold_pb.Hold.Reason, reason)
    return number


def decision_to_proto(decision: Decision) -> decision_pb.SessionDecision:
    """The resource as callers see it."""
    return decision_pb.SessionDecision(
        id=decision.id,
        charging_session_id=decision.charging_session_id,
        kind=kind_to_proto(decision.kind),
        reason=decision.reason,
        decided_by=decision.decided_by,
        create_time=timestamp(decision.create_time),
        before=_figures_to_proto(decision.before),
        after=_figures_to_proto(decision.after),
    )


def _figures_to_proto(figures: Figures) -> decision_pb.SessionFigures:
    return decision_pb.SessionFigures(
        state=figures.state,
        hold_reason=reason_to_proto(figures.hold_reason) if figures.hold_reason else None,
        start_time=timestamp(figures.start_time),
        end_time=timestamp(figures.end_time),
        energy_wh=figures.energy_wh,
        idle_minutes=figures.idle_minutes,
        driver_id=figures.driver_id or "",
        tariff_id=figures.tariff_id or "",
        cost=money_to_proto(figures.cost) if figures.cost else None,
        invoice_id=figures.invoice_id or "",
    )
