"""Charging profiles in the words that OCPP 1.6 and 2.x share."""

from datetime import UTC
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from csms.transaction.v1.charging_profile_pb2 import ChargingProfile, ChargingSchedule, ChargingSchedulePeriod
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.rpc.frames import Payload

TX_PROFILE = "TxProfile"
_KINDS = {ChargingProfile.ABSOLUTE: "Absolute", ChargingProfile.RECURRING: "Recurring"}
_RECURRENCES = {ChargingProfile.DAILY: "Daily", ChargingProfile.WEEKLY: "Weekly"}


def profile_fields(profile: ChargingProfile) -> Payload:
    """What both call the same, without the number of the profile and its schedules."""
    fields: Payload = {
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": TX_PROFILE,
        "chargingProfileKind": _KINDS.get(profile.kind, "Relative"),
    }
    if profile.recurrence:
        fields["recurrencyKind"] = _RECURRENCES[profile.recurrence]
    if profile.HasField("valid_from"):
        fields["validFrom"] = _written(profile.valid_from)
    if profile.HasField("valid_to"):
        fields["validTo"] = _written(profile.valid_to)
    return fields


def schedule_fields(schedule: ChargingSchedule) -> Payload:
    """A schedule, in 2.x without its number."""
    fields: Payload = {
        "chargingRateUnit": ChargingSchedule.Unit.Name(schedule.unit),
        "chargingSchedulePeriod": [_period_fields(period) for period in schedule.periods],
    }
    if schedule.HasField("start_time"):
        fields["startSchedule"] = _written(schedule.start_time)
    if schedule.HasField("duration_seconds"):
        fields["duration"] = schedule.duration_seconds
    if schedule.HasField("min_rate"):
        fields["minChargingRate"] = _rate(schedule.min_rate)
    return fields


def _period_fields(period: ChargingSchedulePeriod) -> Payload:
    fields: dict[str, Any] = {"startPeriod": period.start_seconds, "limit": _rate(period.limit)}
    if period.HasField("phases"):
        fields["numberPhases"] = period.phases
    if period.HasField("phase_to_use"):
        fields["phaseToUse"] = period.phase_to_use
    return fields


def _rate(number: float) -> float:
    """To a tenth, as OCPP has it (section 7.14 of 1.6: "at most one digit fraction")."""
    return round(number, 1)


def _written(time: Timestamp) -> str:
    return iso_text(time.ToDatetime(UTC))
