"""Firmware campaigns: one image to many charge points, in waves. Pure.

The first wave are the canaries, of whom none may fail; of a later wave a share may. A wave begins when all of the one
before are through. What is known of a charge point is handed in as a `Sight`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.errors import failed_precondition
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations
from services.station.domain.file_job import OPEN, FileJobState

_LONGEST_NAME, _LONGEST_REASON, _MOST_IDENTITIES, _LONGEST_IDENTITY = 200, 500, 1000, 48
MOST_TARGETS = 20_000
_CANARIES, _WAVE_SIZE, _FAILED_SHARE = 1, 50, 0.05
_IN_FLIGHT, _PER_MINUTE = 10, 60
_UPDATE_TIMEOUT, _WATCH_PERIOD, _WAIT_TIMEOUT = timedelta(hours=2), timedelta(minutes=10), timedelta(days=1)
_SECOND = timedelta(seconds=1)
_HAS_IT = "it has this version already"
# What charge points may have in common, by the names of callers.
SELECTION_TEXTS = {
    "station_id": "stationId",
    "vendor": "vendor",
    "model": "model",
    "firmware_version": "firmwareVersion",
    "protocol": "protocol",
    "text": "text",
}


class CampaignState(StrEnum):
    """Where a campaign stands."""

    RUNNING = "RUNNING"
    HALTED = "HALTED"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class TargetState(StrEnum):
    """Where a charge point of a campaign stands."""

    WAITING = "WAITING"
    UPDATING = "UPDATING"
    WATCHING = "WATCHING"
    HEALTHY = "HEALTHY"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


IN_FLIGHT = frozenset({TargetState.UPDATING, TargetState.WATCHING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which charge points a campaign is for: those of `charge_point_ids`, or those that meet all the rest, or all."""

    charge_point_ids: tuple[str, ...] = ()
    station_id: str = ""
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    protocol: str = ""
    text: str = ""
    all: bool = False

    def check(self, violations: Violations) -> None:
        """Note what is wrong: it must say whom, and in one way."""
        ways = sum((bool(self.charge_point_ids), any(getattr(self, name) for name in SELECTION_TEXTS), self.all))
        place = "campaign.selection"
        violations.check(ways == 1, place, "must be chargePointIds, or what they have in common, or all")
        count = len(self.charge_point_ids)
        violations.check(count <= _MOST_IDENTITIES, f"{place}.chargePointIds", f"must be at most {_MOST_IDENTITIES}")
        for position, one in enumerate(self.charge_point_ids[:_MOST_IDENTITIES]):
            violations.text(f"{place}.chargePointIds[{position}]", one, longest=_LONGEST_IDENTITY, shortest=1)
        for name, json_name in SELECTION_TEXTS.items():
            violations.text(f"{place}.{json_name}", getattr(self, name), longest=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What a caller says of a campaign."""

    name: str = ""
    file_id: str = ""
    selection: Selection = field(default_factory=Selection)
    canaries: int = _CANARIES
    wave_size: int = _WAVE_SIZE
    max_failed_share: float = _FAILED_SHARE
    max_in_flight: int = _IN_FLIGHT
    updates_per_minute: int = _PER_MINUTE
    update_timeout: timedelta = _UPDATE_TIMEOUT
    watch_period: timedelta = _WATCH_PERIOD
    wait_timeout: timedelta = _WAIT_TIMEOUT

    def check(self) -> None:
        """Raises: INVALID_FIELD with everything that is out of bounds."""
        violations = Violations()
        violations.text("campaign.name", self.name, longest=_LONGEST_NAME)
        self.selection.check(violations)
        violations.number("campaign.canaries", self.canaries, 1, 1000)
        violations.number("campaign.waveSize", self.wave_size, 1, 10_000)
        violations.number("campaign.maxFailedShare", self.max_failed_share, 0, 1)
        violations.number("campaign.maxInFlight", self.max_in_flight, 1, 200)
        violations.number("campaign.updatesPerMinute", self.updates_per_minute, 1, 3000)
        for name, time in (("updateTimeout", self.update_timeout), ("watchPeriod", self.watch_period)):
            violations.check(_SECOND <= time <= timedelta(days=7), f"campaign.{name}", "must be between 1 s and 7 days")
        is_possible = _SECOND <= self.wait_timeout <= timedelta(days=90)
        violations.check(is_possible, "campaign.waitTimeout", "must be between 1 s and 90 days")
        violations.raise_if_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareCampaign:
    """The record of a campaign. `wave` goes on, since `wave_time`; `passed_over` of its failures count no more;
    `pace_time` is until when its pace is used up."""

    id: str
    name: str
    file_id: str
    version: str
    selection: Selection
    canaries: int
    wave_size: int
    max_failed_share: float
    max_in_flight: int
    updates_per_minute: int
    update_timeout: timedelta
    watch_period: timedelta
    wait_timeout: timedelta
    state: CampaignState = CampaignState.RUNNING
    reason: str = ""
    wave: int = 1
    waves: int
    wave_time: datetime
    passed_over: int = 0
    pace_time: datetime
    requested_by: str
    changed_by: str = ""
    create_time: datetime
    update_time: datetime
    end_time: datetime | None = None
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A charge point of a campaign. `command_id` is that of its update, once it is known; `watch_from` when it was
    updated."""

    campaign_id: str
    charge_point_id: str
    wave: int
    state: TargetState = TargetState.WAITING
    reason: str = ""
    command_id: str = ""
    ask_time: datetime | None = None
    watch_from: datetime | None = None
    update_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a charge point: its connection, its last boot, what its connectors do, and its update. One that
    is no more is offline."""

    is_online: bool = False
    boot_time: datetime | None = None
    firmware_version: str = ""
    is_faulted: bool = False
    is_busy: bool = False
    is_updating: bool = False
    job_state: FileJobState | None = None
    job_error: str = ""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign with the number of its charge points by state."""

    campaign: FirmwareCampaign
    counts: Mapping[TargetState, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A charge point that may be chosen."""

    charge_point_id: str
    is_online: bool
    firmware_version: str


def planned(
    plan: CampaignPlan, campaign_id: str, version: str, candidates: Sequence[Candidate], by: str, now: datetime
) -> tuple[FirmwareCampaign, list[Target]]:
    """A campaign and its charge points, each in a wave: those online first, by identity."""
    ordered = sorted(candidates, key=lambda one: (not one.is_online, one.charge_point_id))
    has_it = [one for one in ordered if one.firmware_version.lower() == version.lower()]
    needs_it = [one for one in ordered if one.firmware_version.lower() != version.lower()]
    targets = [
        Target(
            campaign_id=campaign_id,
            charge_point_id=one.charge_point_id,
            wave=_wave_of(place, plan),
            update_time=now,
        )
        for place, one in enumerate(needs_it)
    ]
    skipped = [
        Target(
            campaign_id=campaign_id,
            charge_point_id=one.charge_point_id,
            wave=1,
            state=TargetState.SKIPPED,
            reason=_HAS_IT,
            update_time=now,
        )
        for one in has_it
    ]
    campaign = FirmwareCampaign(
        id=campaign_id,
        name=plan.name,
        file_id=plan.file_id,
        version=version,
        selection=plan.selection,
        canaries=plan.canaries,
        wave_size=plan.wave_size,
        max_failed_share=plan.max_failed_share,
        max_in_flight=plan.max_in_flight,
        updates_per_minute=plan.updates_per_minute,
        update_timeout=plan.update_timeout,
        watch_period=plan.watch_period,
        wait_timeout=plan.wait_timeout,
        waves=max((target.wave for target in targets), default=1),
        wave_time=now,
        pace_time=now,
        requested_by=by,
        create_time=now,
        update_time=now,
    )
    return campaign, targets + skipped


def is_ready(sight: Sight) -> bool:
    """Whether a charge point may be asked now: there, in nobody's use, and in no trouble that would be blamed on it."""
    return sight.is_online and not (sight.is_busy or sight.is_faulted or sight.is_updating)


def asked(target: Target, now: datetime) -> Target:
    """`target` that is asked now."""
    return replace(target, state=TargetState.UPDATING, ask_time=now, update_time=now)


def not_reached(target: Target, now: datetime) -> Target:
    """`target` that went away before it was asked: it waits again."""
    return replace(target, state=TargetState.WAITING, ask_time=None, update_time=now)


def failed(target: Target, reason: str, now: datetime) -> Target:
    """`target` that is not well."""
    return replace(target, state=TargetState.FAILED, reason=reason[:_LONGEST_REASON], update_time=now)


def skipped(target: Target, reason: str, now: datetime) -> Target:
    """`target` that is passed over."""
    return replace(target, state=TargetState.SKIPPED, reason=reason, update_time=now)


def seen(campaign: FirmwareCampaign, target: Target, sight: Sight, now: datetime) -> Target:
    """`target` by what is known of its charge point now."""
    if target.state is TargetState.WAITING:
        if _is_right(campaign, sight):
            return skipped(target, _HAS_IT, now)
        is_late = now >= campaign.wave_time + campaign.wait_timeout and target.wave == campaign.wave
        return skipped(target, "it was offline or in use for too long", now) if is_late else target
    if target.state is TargetState.UPDATING:
        return _updating(campaign, target, sight, now)
    return _watched(campaign, target, sight, now) if target.state is TargetState.WATCHING else target


def judged(campaign: FirmwareCampaign, counts: Mapping[TargetState, int], now: datetime) -> FirmwareCampaign:
    """`campaign` by where the charge points of its wave stand: on to the next, over, or halted."""
    if campaign.state is not CampaignState.RUNNING:
        is_given_up = campaign.state is CampaignState.CANCELED and not any(counts.get(state) for state in IN_FLIGHT)
        return (
            replace(campaign, end_time=now, update_time=now) if is_given_up and campaign.end_time is None else campaign
        )
    failures = counts.get(TargetState.FAILED, 0) - campaign.passed_over
    size = sum(counts.values()) - counts.get(TargetState.SKIPPED, 0)
    allowed = 0 if campaign.wave == 1 else campaign.max_failed_share * size
    if failures > 0 and failures > allowed:
        wave = "the canaries" if campaign.wave == 1 else f"wave {campaign.wave}"
        return halted(campaign, f"{failures} of {size} charge points of {wave} failed", "", now)
    if any(counts.get(state) for state in (TargetState.WAITING, *IN_FLIGHT)):
        return campaign
    if campaign.wave < campaign.waves:
        return replace(campaign, wave=campaign.wave + 1, wave_time=now, passed_over=0, update_time=now)
    return replace(campaign, state=CampaignState.COMPLETED, end_time=now, update_time=now)


def askable(campaign: FirmwareCampaign, in_flight: int, now: datetime) -> int:
    """How many may be asked now, by its pace and by how many are under way."""
    if campaign.state is not CampaignState.RUNNING:
        return 0
    by_pace = int((now - _since(campaign, now)) / _interval(campaign) + 1e-6)
    return max(0, min(by_pace, campaign.max_in_flight - in_flight))


def after_asking(campaign: FirmwareCampaign, count: int, now: datetime) -> FirmwareCampaign:
    """`campaign` after so many were asked."""
    return replace(campaign, pace_time=_since(campaign, now) + count * _interval(campaign), update_time=now)


def halted(campaign: FirmwareCampaign, reason: str, by: str, now: datetime) -> FirmwareCampaign:
    """`campaign` that asks nobody more. Raises: FIRMWARE_CAMPAIGN_OVER."""
    _still_open(campaign)
    if campaign.state is CampaignState.HALTED:
        return campaign
    return replace(
        campaign, state=CampaignState.HALTED, reason=reason, changed_by=by or campaign.changed_by, update_time=now
    )


def resumed(campaign: FirmwareCampaign, counts: Mapping[TargetState, int], by: str, now: datetime) -> FirmwareCampaign:
    """`campaign` that goes on: what has failed of its wave counts no more. Raises: FIRMWARE_CAMPAIGN_OVER."""
    _still_open(campaign)
    if campaign.state is not CampaignState.HALTED:
        return campaign
    return replace(
        campaign,
        state=CampaignState.RUNNING,
        reason="",
        passed_over=counts.get(TargetState.FAILED, 0),
        changed_by=by,
        pace_time=now,
        wave_time=now,
        update_time=now,
    )


def given_up(campaign: FirmwareCampaign, by: str, now: datetime) -> FirmwareCampaign:
    """`campaign` canceled; it is over when nobody is at it any more. Raises: FIRMWARE_CAMPAIGN_OVER."""
    if campaign.state is CampaignState.CANCELED:
        return campaign
    _still_open(campaign)
    return replace(campaign, state=CampaignState.CANCELED, changed_by=by, update_time=now)


def _updating(campaign: FirmwareCampaign, target: Target, sight: Sight, now: datetime) -> Target:
    is_updated = sight.job_state is FileJobState.DONE or _has_booted(campaign, target, sight)
    if is_updated:
        return replace(target, state=TargetState.WATCHING, watch_from=now, update_time=now)
    if sight.job_state is not None and sight.job_state not in OPEN:
        return failed(target, sight.job_error or f"its update is {sight.job_state}", now)
    if target.ask_time is not None and now >= target.ask_time + campaign.update_timeout:
        return failed(target, "it was not updated in time", now)
    return target


def _watched(campaign: FirmwareCampaign, target: Target, sight: Sight, now: datetime) -> Target:
    if sight.is_faulted:
        return failed(target, "a connector is faulted after the update", now)
    if target.watch_from is None or now < target.watch_from + campaign.watch_period:
        return target
    if not _has_booted(campaign, target, sight):
        has = sight.firmware_version or "no version"
        return failed(target, f"it has not booted with {campaign.version}; it reports {has}", now)
    if not sight.is_online:
        return failed(target, "it is offline after the update", now)
    return replace(target, state=TargetState.HEALTHY, update_time=now)


def _has_booted(campaign: FirmwareCampaign, target: Target, sight: Sight) -> bool:
    """Since it was asked, with the version that it should have."""
    is_right = _is_right(campaign, sight)
    return is_right and None not in (sight.boot_time, target.ask_time) and sight.boot_time >= target.ask_time  # type: ignore[operator]


def _is_right(campaign: FirmwareCampaign, sight: Sight) -> bool:
    return sight.firmware_version.lower() == campaign.version.lower()


def _wave_of(place: int, plan: CampaignPlan) -> int:
    return 1 if place < plan.canaries else 2 + (place - plan.canaries) // plan.wave_size


def _interval(campaign: FirmwareCampaign) -> timedelta:
    return timedelta(minutes=1) / campaign.updates_per_minute


def _since(campaign: FirmwareCampaign, now: datetime) -> datetime:
    """From when the pace counts: what was not used for a second, or for one update's time, is gone."""
    return max(campaign.pace_time, now - max(_SECOND, _interval(campaign)))


def _still_open(campaign: FirmwareCampaign) -> None:
    if campaign.state in (CampaignState.COMPLETED, CampaignState.CANCELED):
        message = f"the campaign is {campaign.state}; nothing of it is to come"
        raise failed_precondition("FIRMWARE_CAMPAIGN_OVER", message, state=campaign.state.value)
