"""Charging profiles in OCPP 1.6 (section 7.8)."""

from csms.transaction.v1.charging_profile_pb2 import ChargingProfile
from ocpp_edge.facts.charging_profiles import profile_fields, schedule_fields
from ocpp_edge.rpc.answers import not_supported
from ocpp_edge.rpc.frames import Payload
from services.kernel.ids import request_number


def charging_profile(profile: ChargingProfile, command_id: str) -> Payload:
    """A profile; one without a number gets that of its command. Raises: NOT_SUPPORTED_BY_CHARGE_POINT."""
    if len(profile.schedules) > 1:
        raise not_supported("a charging profile with several schedules in OCPP 1.6")
    if any(period.HasField("phase_to_use") for period in profile.schedules[0].periods):
        raise not_supported("the choice of a phase in OCPP 1.6")
    return {
        "chargingProfileId": profile.id or request_number(command_id),
        **profile_fields(profile),
        "chargingSchedule": schedule_fields(profile.schedules[0]),
    }
