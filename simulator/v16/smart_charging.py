"""How a 1.6 charge point takes and forgets charging profiles, and what they come to (OCPP 1.6, 5.5, 5.7, 5.16)."""

from typing import TYPE_CHECKING, Any

from ocpp.v16 import call_result
from ocpp.v16.enums import Action

from simulator import commands
from simulator.clock import moment, stamp
from simulator.session import OcppSession, handles
from simulator.smart_charging import EVERYWHERE, Period, Profile, Purpose, composite

if TYPE_CHECKING:
    from simulator.v16.charge_point import V16ChargePoint

_ACCEPTED, _REJECTED = "Accepted", "Rejected"
_PURPOSES = {
    "ChargePointMaxProfile": Purpose.STATION_MAX,
    "TxDefaultProfile": Purpose.TX_DEFAULT,
    "TxProfile": Purpose.TX,
}


class SmartCharging(OcppSession):
    """The handlers, mixed into a session."""

    station: "V16ChargePoint"

    @handles(Action.set_charging_profile)
    def on_set_charging_profile(self, connector_id: int, cs_charging_profiles: dict[str, Any], **_: Any) -> Any:
        station, said = self.station, cs_charging_profiles
        profile = profile_of(said)
        if connector_id not in (EVERYWHERE, *station.connectors) or not _belongs(profile, connector_id):
            return call_result.SetChargingProfile(_REJECTED)
        if profile.purpose is Purpose.TX:
            running = station.connectors[connector_id].transaction
            number = said.get("transaction_id")
            if running is None or (number is not None and commands.running(station, number=number) is not running):
                return call_result.SetChargingProfile(_REJECTED)
            profile = profile_of(said, running.key)
        station.charging_profiles.install(connector_id, profile)
        return call_result.SetChargingProfile(_ACCEPTED)

    @handles(Action.clear_charging_profile)
    def on_clear_charging_profile(
        self,
        id: int | None = None,
        connector_id: int | None = None,
        charging_profile_purpose: str | None = None,
        stack_level: int | None = None,
        **_: Any,
    ) -> Any:
        purpose = None if charging_profile_purpose is None else _PURPOSES[charging_profile_purpose]

        def is_meant(place: int, profile: Profile) -> bool:
            if id is not None:
                return profile.id == id
            wanted = ((connector_id, place), (purpose, profile.purpose), (stack_level, profile.stack_level))
            return all(asked is None or asked == found for asked, found in wanted)

        is_cleared = self.station.charging_profiles.clear(is_meant)
        return call_result.ClearChargingProfile(_ACCEPTED if is_cleared else "Unknown")

    @handles(Action.get_composite_schedule)
    def on_get_composite_schedule(
        self, connector_id: int, duration: int, charging_rate_unit: str | None = None, **_: Any
    ) -> Any:
        station = self.station
        if connector_id not in (EVERYWHERE, *station.connectors):
            return call_result.GetCompositeSchedule(_REJECTED)
        unit, start = charging_rate_unit or "W", station.clock.now()
        periods = [
            {"start_period": one.start_seconds, "limit": station.profile.limit_as(unit, one.limit_w)}
            for one in composite(station, connector_id, start, duration)
        ]
        schedule = {
            "duration": duration,
            "start_schedule": stamp(start),
            "charging_rate_unit": unit,
            "charging_schedule_period": periods,
        }
        return call_result.GetCompositeSchedule(_ACCEPTED, connector_id, stamp(start), schedule)


def profile_of(said: dict[str, Any], transaction: str | None = None) -> Profile:
    """A csChargingProfiles, for the station's own name of a transaction if it is a TxProfile."""
    schedule = said["charging_schedule"]
    return Profile(
        said["charging_profile_id"],
        said["stack_level"],
        _PURPOSES[said["charging_profile_purpose"]],
        said["charging_profile_kind"],
        in_watts=schedule["charging_rate_unit"] == "W",
        periods=[
            Period(one["start_period"], one["limit"], one.get("number_phases"))
            for one in schedule["charging_schedule_period"]
        ],
        start=moment(schedule.get("start_schedule")),
        duration_seconds=schedule.get("duration"),
        recurrency=said.get("recurrency_kind"),
        valid_from=moment(said.get("valid_from")),
        valid_to=moment(said.get("valid_to")),
        transaction_id=transaction,
    )


def _belongs(profile: Profile, connector_id: int) -> bool:
    """What is for a transaction has a connector; what is for the station as a whole has none, and no start to count
    from."""
    if profile.purpose is Purpose.TX:
        return connector_id != EVERYWHERE
    return profile.purpose is not Purpose.STATION_MAX or (connector_id == EVERYWHERE and profile.kind != "Relative")
