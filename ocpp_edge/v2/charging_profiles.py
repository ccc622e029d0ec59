"""Charging profiles in OCPP 2.x (ChargingProfileType)."""

from csms.transaction.v1.charging_profile_pb2 import ChargingProfile
from ocpp_edge.facts.charging_profiles import profile_fields, schedule_fields
from ocpp_edge.rpc.frames import Payload
from services.kernel.ids import request_number


def charging_profile(profile: ChargingProfile, command_id: str) -> Payload:
    """A profile; one without a number gets that of its command. Its schedules are numbered from 1."""
    return {
        "id": profile.id or request_number(command_id),
        **profile_fields(profile),
        "chargingSchedule": [
            {"id": number, **schedule_fields(schedule)} for number, schedule in enumerate(profile.schedules, 1)
        ],
    }
