"""What a boot changes at the edge, and its answer, which all versions word alike."""

from datetime import datetime

from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.connectivity_service_pb2 import BootAnswer, BootReport
from csms.station.v1.quirk_pb2 import QuirkProfile
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.quirks import Profile
from ocpp_edge.rpc.frames import Payload

_STATES = {
    ChargePoint.PENDING: ChargePointState.PENDING,
    ChargePoint.ACCEPTED: ChargePointState.ACCEPTED,
    ChargePoint.REJECTED: ChargePointState.REJECTED,
}
_STATUSES = {
    ChargePointState.PENDING: "Pending",
    ChargePointState.ACCEPTED: "Accepted",
    ChargePointState.REJECTED: "Rejected",
}


def state_of(state: ChargePoint.State.ValueType) -> ChargePointState:
    """A state as the platform tells it; one that the edge does not know is no welcome."""
    return _STATES.get(state, ChargePointState.PENDING)


def profile_of(message: QuirkProfile) -> Profile:
    """What decides what a charge point is forgiven, as the platform tells it."""
    return Profile(message.vendor, message.model, message.firmware_version, tuple(message.on), tuple(message.off))


def answered(report: BootReport, answer: BootAnswer, context: ChargerContext, now: datetime) -> Payload:
    """Take a boot and its answer in, and put the answer in the words of OCPP."""
    context.state = state_of(answer.state)
    if answer.HasField("quirk_profile"):
        context.forgives.become(profile_of(answer.quirk_profile))
    else:
        # The platform is older than this edge.
        context.forgives.become(Profile(report.vendor, report.model, report.firmware_version))
    context.clock.booted(context.received_time)
    if context.state is ChargePointState.ACCEPTED:
        context.heartbeat_interval_seconds = answer.interval_seconds
    return {"status": _STATUSES[context.state], "currentTime": iso_text(now), "interval": answer.interval_seconds}
