"""What becomes of a firmware campaign and of its charge points, by what is known of them."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.errors import DomainError
from services.station.domain.file_job import FileJobState
from services.station.domain.firmware_campaign import (
    CampaignPlan,
    CampaignState,
    Candidate,
    FirmwareCampaign,
    Selection,
    Sight,
    Target,
    TargetState,
    after_asking,
    askable,
    asked,
    given_up,
    halted,
    is_ready,
    judged,
    planned,
    resumed,
    seen,
)

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
PLAN = CampaignPlan(selection=Selection(all=True), canaries=2, wave_size=3, max_failed_share=0.4)
WELL = Sight(is_online=True, boot_time=NOW, firmware_version="2.0")


def campaign_of(**fields: Any) -> FirmwareCampaign:
    candidates = [Candidate(f"CP{number}", number != 0, "1.0") for number in range(8)]
    campaign, _ = planned(PLAN, "c", "2.0", candidates, "ann", NOW)
    return replace(campaign, **fields)


def updating(**fields: Any) -> Target:
    target = Target(campaign_id="c", charge_point_id="CP1", wave=1, update_time=NOW)
    return replace(asked(target, NOW), **fields)


def counts(**states: int) -> Counter[TargetState]:
    return Counter({TargetState(name.upper()): number for name, number in states.items()})


def test_those_online_come_first_and_those_that_have_it_are_passed_over() -> None:
    candidates = [Candidate("A", False, "1.0"), Candidate("B", True, "1.0"), Candidate("C", True, "2.0")]
    candidates += [Candidate(name, True, "") for name in ("D", "E", "F", "G")]
    campaign, targets = planned(PLAN, "c", "2.0", candidates, "ann", NOW)
    waves = {target.charge_point_id: target.wave for target in targets if target.state is TargetState.WAITING}
    assert waves == {"B": 1, "D": 1, "E": 2, "F": 2, "G": 2, "A": 3}
    assert [target.charge_point_id for target in targets if target.state is TargetState.SKIPPED] == ["C"]
    assert (campaign.wave, campaign.waves) == (1, 3)


@pytest.mark.parametrize("sight", [Sight(), replace(WELL, is_busy=True), replace(WELL, is_faulted=True)])
def test_only_those_that_are_there_and_in_nobodys_use_are_asked(sight: Sight) -> None:
    assert is_ready(WELL)
    assert not is_ready(sight)
    assert not is_ready(replace(WELL, is_updating=True))


@pytest.mark.parametrize(
    ("sight", "state", "reason"),
    [
        (Sight(), TargetState.UPDATING, ""),
        (Sight(job_state=FileJobState.RUNNING), TargetState.UPDATING, ""),
        (Sight(job_state=FileJobState.DONE), TargetState.WATCHING, ""),
        (WELL, TargetState.WATCHING, ""),
        # It had that version before, or booted before it was asked.
        (replace(WELL, boot_time=NOW - timedelta(seconds=1)), TargetState.UPDATING, ""),
        (Sight(job_state=FileJobState.FAILED, job_error="DownloadFailed"), TargetState.FAILED, "DownloadFailed"),
        (Sight(job_state=FileJobState.REJECTED), TargetState.FAILED, "its update is REJECTED"),
    ],
)
def test_an_update_is_over_by_its_job_or_by_the_boot(sight: Sight, state: TargetState, reason: str) -> None:
    after = seen(campaign_of(), updating(), sight, NOW)
    assert (after.state, after.reason) == (state, reason)


def test_one_that_takes_too_long_has_failed() -> None:
    late = seen(campaign_of(), updating(), Sight(job_state=FileJobState.RUNNING), NOW + timedelta(hours=2))
    assert (late.state, late.reason) == (TargetState.FAILED, "it was not updated in time")


@pytest.mark.parametrize(
    ("sight", "now", "state", "reason"),
    [
        (WELL, NOW + timedelta(minutes=9), TargetState.WATCHING, ""),
        (WELL, LATER, TargetState.HEALTHY, ""),
        (replace(WELL, is_faulted=True), NOW, TargetState.FAILED, "a connector is faulted after the update"),
        (replace(WELL, is_online=False), NOW, TargetState.WATCHING, ""),
        (replace(WELL, is_online=False), LATER, TargetState.FAILED, "it is offline after the update"),
        (
            replace(WELL, firmware_version="1.0"),
            LATER,
            TargetState.FAILED,
            "it has not booted with 2.0; it reports 1.0",
        ),
    ],
)
def test_an_updated_one_is_watched(sight: Sight, now: datetime, state: TargetState, reason: str) -> None:
    after = seen(campaign_of(), updating(state=TargetState.WATCHING, watch_from=NOW), sight, now)
    assert (after.state, after.reason) == (state, reason)


def test_who_is_not_to_be_had_is_passed_over_after_a_time() -> None:
    waiting = updating(state=TargetState.WAITING)
    assert seen(campaign_of(), waiting, Sight(), NOW + timedelta(hours=23)) is waiting
    assert seen(campaign_of(), waiting, Sight(), NOW + timedelta(days=1)).state is TargetState.SKIPPED
    # Another campaign, or somebody by hand, was quicker.
    assert seen(campaign_of(), waiting, WELL, NOW).reason == "it has this version already"


def test_no_canary_may_fail_and_of_a_later_wave_a_share_may() -> None:
    first = campaign_of()
    assert judged(first, counts(updating=1, healthy=1), NOW) is first
    bad = judged(first, counts(updating=1, failed=1), NOW)
    assert (bad.state, bad.reason) == (CampaignState.HALTED, "1 of 2 charge points of the canaries failed")
    second = judged(first, counts(healthy=2), NOW)
    assert (second.state, second.wave) == (CampaignState.RUNNING, 2)
    assert judged(second, counts(failed=1, updating=2), NOW).state is CampaignState.RUNNING
    assert judged(second, counts(failed=2, waiting=1), NOW).state is CampaignState.HALTED
    last = judged(second, counts(failed=1, healthy=2), NOW)
    assert last.wave == 3
    assert judged(last, counts(healthy=2, skipped=1), NOW).state is CampaignState.COMPLETED


def test_what_an_operator_has_passed_over_halts_it_no_more() -> None:
    bad = halted(campaign_of(), "bad", "", NOW)
    again = resumed(bad, counts(failed=1, waiting=1), "ann", NOW)
    assert (again.state, again.reason, again.changed_by) == (CampaignState.RUNNING, "", "ann")
    assert judged(again, counts(failed=1, healthy=1), NOW).wave == 2
    assert judged(again, counts(failed=2), NOW).state is CampaignState.HALTED


def test_one_that_is_given_up_is_over_when_nobody_is_at_it() -> None:
    canceled = given_up(campaign_of(), "ann", NOW)
    assert judged(canceled, counts(updating=1), NOW).end_time is None
    over = judged(canceled, counts(healthy=1, skipped=1), NOW)
    assert over.end_time == NOW
    with pytest.raises(DomainError) as refused:
        resumed(over, counts(), "ann", NOW)
    assert refused.value.reason == "FIRMWARE_CAMPAIGN_OVER"


def test_its_pace_is_kept_and_not_made_up_for() -> None:
    campaign = campaign_of(updates_per_minute=60, max_in_flight=3)
    assert askable(campaign, 0, NOW) == 0
    assert askable(campaign, 0, NOW + timedelta(seconds=1)) == 1
    assert askable(campaign, 0, NOW + timedelta(hours=1)) == 1
    assert askable(campaign, 3, NOW + timedelta(hours=1)) == 0
    spent = after_asking(campaign, 1, NOW + timedelta(seconds=1))
    assert askable(spent, 0, NOW + timedelta(seconds=1)) == 0
    assert askable(halted(campaign, "bad", "", NOW), 0, NOW + timedelta(hours=1)) == 0
    slow = campaign_of(updates_per_minute=1)
    assert askable(slow, 0, NOW + timedelta(seconds=59)) == 0
    assert askable(slow, 0, NOW + timedelta(seconds=60)) == 1


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (CampaignPlan(), "campaign.selection"),
        (replace(PLAN, canaries=0), "campaign.canaries"),
        (replace(PLAN, max_failed_share=1.1), "campaign.maxFailedShare"),
        (replace(PLAN, watch_period=timedelta()), "campaign.watchPeriod"),
        (replace(PLAN, wait_timeout=timedelta(days=91)), "campaign.waitTimeout"),
        (replace(PLAN, selection=Selection(all=True, vendor="V")), "campaign.selection"),
        (replace(PLAN, name="n" * 201), "campaign.name"),
    ],
)
def test_what_is_out_of_bounds_is_named(plan: CampaignPlan, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        plan.check()
    assert [violation.field for violation in refused.value.violations] == [field]
