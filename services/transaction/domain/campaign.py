"""Command campaigns: one command to many charge points, at a pace. Pure.

Whether a charge point has its command is a matter of what is stored: it is chosen once, and loses that place when its
command is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.kernel.errors import failed_precondition
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations
from services.transaction.domain.command import Command, CommandPriority, CommandState

# Of what one service delivers at a time, the rest is for those who wait for an answer.
MOST_IN_FLIGHT = 40
_MOST_IDENTITIES, _LONGEST_IDENTITY, _LONGEST_NAME = 1000, 48, 200
_USUAL_PER_SECOND, _USUAL_IN_FLIGHT = 5.0, 20
_SLOWEST, _FASTEST = 0.01, 50.0
# What charge points may have in common, as callers write it.
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

    SELECTING = "SELECTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"


OVER = frozenset({CampaignState.COMPLETED, CampaignState.CANCELED, CampaignState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which charge points a campaign is for: those of `charge_point_ids`, or those that meet all the rest. `state` is
    that of csms.station.v1.ChargePoint by name."""

    charge_point_ids: tuple[str, ...] = ()
    station_id: str = ""
    state: str = ""
    online: bool | None = None
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    protocol: str = ""
    text: str = ""
    all: bool = False

    def check(self, violations: Violations) -> None:
        """Note what is wrong: it must say whom, and in one way."""
        is_narrowed = self.online is not None or any(getattr(self, name) for name in SELECTION_TEXTS)
        ways = sum((bool(self.charge_point_ids), is_narrowed, self.all))
        violations.check(ways == 1, "selection", "must be chargePointIds, or what they have in common, or all")
        is_stated = bool(self.charge_point_ids) and bool(self.state)
        violations.check(not is_stated, "selection.state", "does not narrow chargePointIds")
        count = len(self.charge_point_ids)
        violations.check(count <= _MOST_IDENTITIES, "selection.chargePointIds", f"must be at most {_MOST_IDENTITIES}")
        for position, one in enumerate(self.charge_point_ids[:_MOST_IDENTITIES]):
            violations.text(f"selection.chargePointIds[{position}]", one, longest=_LONGEST_IDENTITY, shortest=1)
        for name, json_name in SELECTION_TEXTS.items():
            violations.text(f"selection.{json_name}", getattr(self, name), longest=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOptions:
    """What a caller says of a campaign beside the command; None for what is usual."""

    name: str = ""
    selection: Selection = field(default_factory=Selection)
    commands_per_second: float | None = None
    max_in_flight: int | None = None

    def check(self, violations: Violations) -> None:
        """Note what is out of bounds."""
        violations.text("name", self.name, longest=_LONGEST_NAME)
        self.selection.check(violations)
        violations.number("commandsPerSecond", self.pace, _SLOWEST, _FASTEST)
        violations.number("maxInFlight", self.most_in_flight, 1, MOST_IN_FLIGHT)

    @property
    def pace(self) -> float:
        return _USUAL_PER_SECOND if self.commands_per_second is None else self.commands_per_second

    @property
    def most_in_flight(self) -> int:
        return _USUAL_IN_FLIGHT if self.max_in_flight is None else self.max_in_flight


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """The record of a campaign. `page_token` is how far its charge points were chosen; `selected` are, and `made` of
    these have their command. `pace_time` is until when its pace is used up."""

    id: str
    name: str
    kind: str
    body: Mapping[str, Any]
    selection: Selection
    commands_per_second: float
    max_in_flight: int
    queue_while_offline: bool
    life: timedelta
    priority: CommandPriority
    state: CampaignState
    requested_by: str
    changed_by: str = ""
    create_time: datetime
    update_time: datetime
    select_time: datetime | None = None
    end_time: datetime | None = None
    pace_time: datetime
    page_token: str = ""
    selected: int = 0
    made: int = 0
    error: str = ""
    tenant_id: str = field(default_factory=owner_of_new)

    @property
    def pending(self) -> int:
        return self.selected - self.made


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign with the number of its commands by state; None where nobody counted."""

    campaign: Campaign
    commands: Mapping[CommandState, int] | None = None


def paused(campaign: Campaign, by: str, now: datetime) -> Campaign:
    """`campaign` held. Raises: COMMAND_CAMPAIGN_OVER."""
    _still_open(campaign)
    if campaign.state is CampaignState.PAUSED:
        return campaign
    return replace(campaign, state=CampaignState.PAUSED, changed_by=by, update_time=now)


def resumed(campaign: Campaign, by: str, now: datetime) -> Campaign:
    """`campaign` going on where it was. Raises: COMMAND_CAMPAIGN_OVER."""
    _still_open(campaign)
    if campaign.state is not CampaignState.PAUSED:
        return campaign
    state = CampaignState.SELECTING if campaign.select_time is None else CampaignState.RUNNING
    return replace(campaign, state=state, changed_by=by, update_time=now)


def given_up(campaign: Campaign, by: str, now: datetime) -> Campaign:
    """`campaign` canceled; it is over when nothing of it is queued. Raises: COMMAND_CAMPAIGN_OVER."""
    if campaign.state is CampaignState.CANCELED:
        return campaign
    _still_open(campaign)
    return replace(campaign, state=CampaignState.CANCELED, changed_by=by, update_time=now)


def is_chosen_for(campaign: Campaign) -> bool:
    """Whether its charge points are still being chosen, held or not."""
    return campaign.select_time is None and campaign.state in (CampaignState.SELECTING, CampaignState.PAUSED)


def chosen(campaign: Campaign, added: int, page_token: str, now: datetime) -> Campaign:
    """`campaign` after one more page of charge points; with an empty token it was the last."""
    further = replace(campaign, selected=campaign.selected + added, page_token=page_token, update_time=now)
    if page_token:
        return further
    is_held = campaign.state is CampaignState.PAUSED
    state = CampaignState.PAUSED if is_held else CampaignState.RUNNING
    return replace(further, state=state, select_time=now, pace_time=now)


def unchosen(campaign: Campaign, error: str, now: datetime) -> Campaign:
    """`campaign` whose charge points cannot be chosen."""
    return replace(campaign, state=CampaignState.FAILED, error=error[:500], update_time=now, end_time=now)


def over(campaign: Campaign, now: datetime) -> Campaign:
    """`campaign` when nothing of it is to come."""
    state = CampaignState.CANCELED if campaign.state is CampaignState.CANCELED else CampaignState.COMPLETED
    return replace(campaign, state=state, update_time=now, end_time=now)


def makeable(campaign: Campaign, now: datetime, in_flight: int, of_all: int) -> int:
    """How many commands may be made now, with so many of it and of all campaigns on their way."""
    by_pace = int((now - _since(campaign, now)).total_seconds() * campaign.commands_per_second + 1e-6)
    free = min(campaign.max_in_flight - in_flight, MOST_IN_FLIGHT - of_all)
    return max(0, min(by_pace, free, campaign.pending))


def after_making(campaign: Campaign, count: int, now: datetime) -> Campaign:
    """`campaign` after so many commands were made."""
    spent = timedelta(seconds=count / campaign.commands_per_second)
    return replace(campaign, made=campaign.made + count, pace_time=_since(campaign, now) + spent, update_time=now)


def command_for(campaign: Campaign, command_id: str, charge_point_id: str, now: datetime) -> Command:
    """The command of a charge point, to be delivered as soon as there is room."""
    return Command(
        id=command_id,
        charge_point_id=charge_point_id,
        kind=campaign.kind,
        body=campaign.body,
        state=CommandState.QUEUED,
        requested_by=campaign.requested_by,
        priority=campaign.priority,
        create_time=now,
        update_time=now,
        expire_time=now + campaign.life,
        delivery_time=now,
        campaign_id=campaign.id,
        waits_offline=campaign.queue_while_offline,
        tenant_id=campaign.tenant_id,
    )


def _since(campaign: Campaign, now: datetime) -> datetime:
    """From when the pace counts: what was not used for longer than a second, or one command's time, is gone."""
    window = timedelta(seconds=max(1.0, 1 / campaign.commands_per_second))
    return max(campaign.pace_time, now - window)


def _still_open(campaign: Campaign) -> None:
    if campaign.state in OVER:
        message = f"the campaign is {campaign.state}; nothing of it is to come"
        raise failed_precondition("COMMAND_CAMPAIGN_OVER", message, state=campaign.state.value)
