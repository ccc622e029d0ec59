"""How a command campaign moves from state to state, and how many commands its pace allows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.kernel.errors import DomainError
from services.kernel.validation import Violations
from services.transaction.domain.campaign import (
    MOST_IN_FLIGHT,
    Campaign,
    CampaignOptions,
    CampaignState,
    Selection,
    after_making,
    chosen,
    given_up,
    makeable,
    over,
    paused,
    resumed,
)
from services.transaction.domain.command import CommandPriority

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _campaign(per_second: float = 5, in_flight: int = 20) -> Campaign:
    return Campaign(
        id="c",
        name="",
        kind="clear_cache",
        body={},
        selection=Selection(all=True),
        commands_per_second=per_second,
        max_in_flight=in_flight,
        queue_while_offline=False,
        life=timedelta(minutes=5),
        priority=CommandPriority.BACKGROUND,
        state=CampaignState.SELECTING,
        requested_by="ann",
        create_time=NOW,
        update_time=NOW,
        pace_time=NOW,
    )


def _running(per_second: float = 5, in_flight: int = 20, selected: int = 1000) -> Campaign:
    return chosen(_campaign(per_second, in_flight), selected, "", NOW)


def _made_in(campaign: Campaign, seconds: float, tick: float) -> int:
    """How many commands are made when somebody looks every `tick` seconds and all are answered at once."""
    now = NOW
    while now < NOW + timedelta(seconds=seconds):
        now += timedelta(seconds=tick)
        campaign = after_making(campaign, makeable(campaign, now, 0, 0), now)
    return campaign.made


@pytest.mark.parametrize("tick", [0.05, 0.5, 0.7])
@pytest.mark.parametrize(("per_second", "seconds"), [(5, 60), (50, 4), (0.1, 600), (0.01, 1000)])
def test_a_campaign_keeps_its_pace_however_often_it_is_looked_at(
    per_second: float, seconds: float, tick: float
) -> None:
    made, allowed = _made_in(_running(per_second, 40), seconds, tick), per_second * seconds
    assert allowed * 0.8 - 1 <= made <= allowed + per_second


def test_time_that_was_not_used_is_not_made_up_for() -> None:
    hour = NOW + timedelta(hours=1)
    assert makeable(_running(5), hour, 0, 0) == 5
    assert makeable(_running(0.1), hour, 0, 0) == 1


def test_no_more_are_on_their_way_than_allowed() -> None:
    later, campaign = NOW + timedelta(seconds=1), _running(50, 10)
    assert [makeable(campaign, later, count, count) for count in (0, 7, 10, 11)] == [10, 3, 0, 0]
    assert makeable(campaign, later, 0, MOST_IN_FLIGHT - 1) == 1
    assert makeable(campaign, later, 0, MOST_IN_FLIGHT) == 0
    assert makeable(replace(campaign, made=998), later, 0, 0) == 2


def test_a_campaign_is_held_and_goes_on_where_it_was() -> None:
    choosing = paused(_campaign(), "bob", NOW)
    assert (choosing.state, choosing.changed_by) == (CampaignState.PAUSED, "bob")
    assert resumed(choosing, "bob", NOW).state is CampaignState.SELECTING
    ready = chosen(choosing, 3, "", NOW)
    assert (ready.state, ready.selected) == (CampaignState.PAUSED, 3)
    assert resumed(ready, "ann", NOW).state is CampaignState.RUNNING
    running = resumed(ready, "ann", NOW)
    assert resumed(running, "eve", NOW) is running
    assert paused(ready, "eve", NOW) is ready


@pytest.mark.parametrize("change", [paused, resumed])
def test_what_is_over_is_neither_held_nor_resumed(change: Callable[[Campaign, str, datetime], Campaign]) -> None:
    canceled = given_up(_running(), "bob", NOW)
    assert given_up(canceled, "eve", NOW) is canceled
    for ended in (canceled, over(_running(), NOW), over(canceled, NOW)):
        with pytest.raises(DomainError) as refused:
            change(ended, "bob", NOW)
        assert (refused.value.reason, refused.value.metadata) == ("COMMAND_CAMPAIGN_OVER", {"state": ended.state})
    assert over(canceled, NOW).state is CampaignState.CANCELED
    with pytest.raises(DomainError):
        given_up(over(_running(), NOW), "bob", NOW)


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        (CampaignOptions(), ["selection"]),
        (CampaignOptions(selection=Selection(state="REJECTED")), ["selection"]),
        (CampaignOptions(selection=Selection(all=True, vendor="V")), ["selection"]),
        (CampaignOptions(selection=Selection(charge_point_ids=("A",), online=True)), ["selection"]),
        (CampaignOptions(selection=Selection(charge_point_ids=("A",), state="PENDING")), ["selection.state"]),
        (CampaignOptions(selection=Selection(charge_point_ids=("A", ""))), ["selection.chargePointIds[1]"]),
        (CampaignOptions(selection=Selection(charge_point_ids=("A",) * 1001)), ["selection.chargePointIds"]),
        (CampaignOptions(selection=Selection(text="x" * 201)), ["selection.text"]),
        (
            CampaignOptions(name="x" * 201, selection=Selection(all=True), commands_per_second=51, max_in_flight=41),
            ["name", "commandsPerSecond", "maxInFlight"],
        ),
        (
            CampaignOptions(selection=Selection(online=False), commands_per_second=float("nan"), max_in_flight=-1),
            ["commandsPerSecond", "maxInFlight"],
        ),
        (CampaignOptions(selection=Selection(online=False)), []),
        (CampaignOptions(selection=Selection(all=True, state="PENDING")), []),
    ],
)
def test_a_campaign_says_whom_it_is_for_and_keeps_its_bounds(options: CampaignOptions, fields: list[str]) -> None:
    violations = Violations()
    options.check(violations)
    found: list[str] = []
    try:
        violations.raise_if_any()
    except DomainError as error:
        found = [one.field for one in error.violations]
    assert found == fields
