"""How a 2.x charging station takes charging profiles, forgets, reports and combines them (OCPP 2.0.1 part 2, K)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ocpp.v201 import call, call_result
from ocpp.v201.enums import Action

from simulator import commands
from simulator.clock import moment, stamp
from simulator.session import OcppSession, handles
from simulator.smart_charging import EVERYWHERE, Period, Profile, Purpose, composite

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint

_ACCEPTED, _REJECTED = "Accepted", "Rejected"
_WHOLE = (Purpose.STATION_MAX, Purpose.EXTERNAL)


class SmartCharging(OcppSession):
    """The handlers, mixed into a session."""

    station: "V201ChargePoint"

    @handles(Action.set_charging_profile)
    def on_set_charging_profile(self, evse_id: int, charging_profile: dict[str, Any], **_: Any) -> Any:
        station, said = self.station, charging_profile
        reason = _refusal(station, evse_id, said)
        if reason is not None:
            return call_result.SetChargingProfile(_REJECTED, {"reason_code": reason})
        station.charging_profiles.install(evse_id, profile_of(said))
        station.told_profiles[said["id"]] = said
        return call_result.SetChargingProfile(_ACCEPTED)

    @handles(Action.clear_charging_profile)
    def on_clear_charging_profile(
        self, charging_profile_id: int | None = None, charging_profile_criteria: dict[str, Any] | None = None, **_: Any
    ) -> Any:
        asked = charging_profile_criteria or {}

        def is_meant(place: int, profile: Profile) -> bool:
            if profile.purpose is Purpose.EXTERNAL:
                return False  # not the central system's (K10.FR.06)
            if charging_profile_id is not None:
                return profile.id == charging_profile_id
            wanted = (
                ("evse_id", place),
                ("charging_profile_purpose", profile.purpose),
                ("stack_level", profile.stack_level),
            )
            return all(asked.get(name) in (None, found) for name, found in wanted)

        is_cleared = self.station.charging_profiles.clear(is_meant)
        return call_result.ClearChargingProfile(_ACCEPTED if is_cleared else "Unknown")

    @handles(Action.get_charging_profiles)
    def on_get_charging_profiles(
        self, request_id: int, charging_profile: dict[str, Any], evse_id: int | None = None, **_: Any
    ) -> Any:
        found = [
            (place, profile)
            for place, profile in self.station.charging_profiles
            if evse_id in (None, place) and _is_asked_for(charging_profile, profile)
        ]
        if not found:
            return call_result.GetChargingProfiles("NoProfiles")
        self.then(self._report(request_id, found))
        return call_result.GetChargingProfiles(_ACCEPTED)

    @handles(Action.get_composite_schedule)
    def on_get_composite_schedule(
        self, duration: int, evse_id: int, charging_rate_unit: str | None = None, **_: Any
    ) -> Any:
        station = self.station
        if evse_id not in (EVERYWHERE, *station.connectors):
            return call_result.GetCompositeSchedule(_REJECTED, {"reason_code": "UnknownEvse"})
        unit, start = charging_rate_unit or "W", station.clock.now()
        periods = [
            {"start_period": one.start_seconds, "limit": station.profile.limit_as(unit, one.limit_w)}
            for one in composite(station, evse_id, start, duration)
        ]
        schedule = {
            "evse_id": evse_id,
            "duration": duration,
            "schedule_start": stamp(start),
            "charging_rate_unit": unit,
            "charging_schedule_period": periods,
        }
        return call_result.GetCompositeSchedule(_ACCEPTED, schedule=schedule)

    async def _report(self, request_id: int, found: Iterable[tuple[int, Profile]]) -> None:
        """A message for each profile: each may be of another EVSE."""
        left = list(found)
        while left:
            place, profile = left.pop(0)
            request = call.ReportChargingProfiles(
                request_id, "CSO", [self.station.told_profiles[profile.id]], place, tbc=bool(left)
            )
            await self.station.tell("ReportChargingProfiles", request)


def profile_of(said: dict[str, Any], transaction: str | None = None) -> Profile:
    """A ChargingProfile of 2.x, with the first of its schedules: a vehicle by 15118 may choose another."""
    schedule = said["charging_schedule"][0]
    return Profile(
        said["id"],
        said["stack_level"],
        Purpose(said["charging_profile_purpose"]),
        said["charging_profile_kind"],
        in_watts=schedule["charging_rate_unit"] == "W",
        periods=[
            Period(one["start_period"], one["limit"], one.get("number_phases"))
            for one in schedule["charging_schedule_period"]
            # 2.1 has periods that say setpoints instead.
            if "limit" in one
        ],
        start=moment(schedule.get("start_schedule")),
        duration_seconds=schedule.get("duration"),
        recurrency=said.get("recurrency_kind"),
        valid_from=moment(said.get("valid_from")),
        valid_to=moment(said.get("valid_to")),
        transaction_id=transaction or said.get("transaction_id"),
    )


def _refusal(station: "V201ChargePoint", evse_id: int, said: dict[str, Any]) -> str | None:
    """Why a profile is not taken, in the words of part 2, appendix 5; None if it is."""
    purpose = said["charging_profile_purpose"]
    if evse_id not in (EVERYWHERE, *station.connectors):
        return "UnknownEvse"
    if purpose not in (Purpose.TX, Purpose.TX_DEFAULT, Purpose.STATION_MAX):
        return "InvalidValue"
    if (purpose in _WHOLE and evse_id != EVERYWHERE) or (purpose == Purpose.TX and evse_id == EVERYWHERE):
        return "InvalidProfile"
    if purpose in _WHOLE and said["charging_profile_kind"] == "Relative":
        return "InvalidSchedule"  # to the start of what?
    if purpose == Purpose.TX:
        running = station.connectors[evse_id].transaction
        if running is None or commands.running(station, key=said.get("transaction_id") or "") is not running:
            return "TxNotFound"
    profile = profile_of(said)
    return "DuplicateProfile" if station.charging_profiles.rival(evse_id, profile) else None


def _is_asked_for(criterion: dict[str, Any], profile: Profile) -> bool:
    ids, sources = criterion.get("charging_profile_id"), criterion.get("charging_limit_source")
    if ids is not None:
        return profile.id in ids
    wanted = (("charging_profile_purpose", profile.purpose), ("stack_level", profile.stack_level))
    is_source = sources is None or "CSO" in sources
    return is_source and all(criterion.get(name) in (None, found) for name, found in wanted)
