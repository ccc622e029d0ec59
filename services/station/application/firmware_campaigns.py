"""Firmware campaigns: making them, showing and steering them, and taking each a step further again and again.

All that a campaign knows is stored: any replica takes the next step, also after all have ended. Who is asked is noted
before, and asked with an id that follows from campaign and charge point, so that it happens once.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, invalid, not_found
from services.kernel.ids import derived_id, new_id
from services.kernel.pagination import MAX_SIZE, Page, PageRequest, page_request
from services.kernel.tenancy import as_tenant
from services.station.domain.charge_point import ChargePointFilter, ChargePointState
from services.station.domain.events import FirmwareCampaignChanged
from services.station.domain.firmware_campaign import (
    IN_FLIGHT,
    MOST_TARGETS,
    SELECTION_TEXTS,
    CampaignPlan,
    CampaignState,
    CampaignView,
    Candidate,
    FirmwareCampaign,
    Selection,
    Sight,
    Target,
    TargetState,
    after_asking,
    askable,
    asked,
    failed,
    given_up,
    halted,
    is_ready,
    judged,
    not_reached,
    planned,
    resumed,
    seen,
)
from services.station.domain.stored_file import FileState, not_stored
from services.station.ports import Commands, RunningTransactions, UnitOfWork, UnitsOfWork

# Each waits for the answer of a charge point.
_MOST_ASKING = 40
_SEEN_AT_ONCE = 500
# Who cannot be asked for now is asked again.
_AGAIN = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.RESOURCE_EXHAUSTED})
_NOT_ASKED = frozenset({"CHARGE_POINT_OFFLINE", "CONNECTION_NOT_FOUND"})
# It may have got it: what it does will show.
_UNKNOWN = frozenset({"CHARGE_POINT_TIMEOUT", "DEADLINE_EXCEEDED"})

_log = logging.getLogger(__name__)


class FirmwareCampaigns:
    """The use cases of firmware campaigns."""

    def __init__(
        self, units_of_work: UnitsOfWork, commands: Commands, running: RunningTransactions, clock: Clock
    ) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._running = running
        self._clock = clock
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def make(self, plan: CampaignPlan, request_id: str, by: str) -> CampaignView:
        """Make a campaign and choose its charge points. Idempotent by `request_id`.

        Raises: INVALID_FIELD, FILE_NOT_FOUND, FILE_NOT_STORED.
        """
        plan.check()
        async with self._units_of_work() as work:
            campaign_id = new_id()
            if request_id and (made := await work.remember(request_id, campaign_id)) != campaign_id:
                return await _view(work, await _found(work, made))
            version = await _version(work, plan.file_id)
            candidates = await _candidates(work, plan.selection)
            campaign, targets = planned(plan, campaign_id, version, candidates, by, self._clock.now())
            await work.firmware_campaigns.add(campaign, targets)
            await work.publish([FirmwareCampaignChanged(campaign=campaign)])
            return await _view(work, campaign)

    async def get(self, campaign_id: str) -> CampaignView:
        """Raises: FIRMWARE_CAMPAIGN_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            return await _view(work, await _found(work, campaign_id))

    async def page(self, state: CampaignState | None, page: PageRequest) -> Page[CampaignView]:
        """One page of campaigns, the newest first."""
        async with self._units_of_work.reading() as work:
            found = await work.firmware_campaigns.page(state, page)
            counts = await work.firmware_campaigns.counts_of([campaign.id for campaign in found.items])
            views = [CampaignView(campaign, counts.get(campaign.id, {})) for campaign in found.items]
        return Page(views, found.next_token, found.total_size)

    async def targets(self, campaign_id: str, state: TargetState | None, page: PageRequest) -> Page[Target]:
        """One page of its charge points, by wave and identity. Raises: FIRMWARE_CAMPAIGN_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            await _found(work, campaign_id)
            return await work.firmware_campaigns.targets(campaign_id, state, page)

    async def halt(self, campaign_id: str, by: str) -> CampaignView:
        """Raises: FIRMWARE_CAMPAIGN_NOT_FOUND, FIRMWARE_CAMPAIGN_OVER."""
        now = self._clock.now()
        return await self._steer(campaign_id, lambda campaign, _: halted(campaign, f"{by} halted it", by, now))

    async def resume(self, campaign_id: str, by: str) -> CampaignView:
        """Raises: FIRMWARE_CAMPAIGN_NOT_FOUND, FIRMWARE_CAMPAIGN_OVER."""
        now = self._clock.now()
        return await self._steer(campaign_id, lambda campaign, counts: resumed(campaign, counts, by, now))

    async def cancel(self, campaign_id: str, by: str) -> CampaignView:
        """Raises: FIRMWARE_CAMPAIGN_NOT_FOUND, FIRMWARE_CAMPAIGN_OVER."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            before = await _found(work, campaign_id, for_update=True)
            campaign = given_up(before, by, now)
            if campaign is not before:
                await _store(work, before, campaign)
                await work.firmware_campaigns.skip_waiting(campaign_id, f"{by} gave the campaign up", now)
            return await _view(work, campaign)

    async def step(self) -> int:
        """Take each campaign that is not over one step further; how many there are."""
        async with self._units_of_work.reading() as work:
            campaigns = await work.firmware_campaigns.not_over()
        for campaign in campaigns:
            await self._step(campaign.id)
        return len(campaigns)

    async def close(self) -> None:
        """Stop waiting for answers; whoever takes the next step asks again, by the same id."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _steer(
        self, campaign_id: str, change: Callable[[FirmwareCampaign, Mapping[TargetState, int]], FirmwareCampaign]
    ) -> CampaignView:
        async with self._units_of_work() as work:
            campaign = await _found(work, campaign_id, for_update=True)
            changed = change(campaign, await work.firmware_campaigns.counts(campaign.id, campaign.wave))
            await _store(work, campaign, changed)
            return await _view(work, changed)

    async def _step(self, campaign_id: str) -> None:
        async with self._units_of_work() as work:
            campaign = await work.firmware_campaigns.claim(campaign_id)
            if campaign is None:
                return  # another replica has it
            now = self._clock.now()
            sights = await work.firmware_campaigns.sights(campaign, _SEEN_AT_ONCE)
            changed = [(target, seen(campaign, target, sight, now), sight) for target, sight in sights]
            await work.firmware_campaigns.replace_targets([one for before, one, _ in changed if one is not before])
            counts = await work.firmware_campaigns.counts(campaign.id, campaign.wave)
            after = judged(campaign, counts, now)
            to_ask = await self._to_ask(work, after, [(one, sight) for _, one, sight in changed])
            if to_ask:
                after = after_asking(after, len(to_ask), now)
            if after is not campaign:
                await _store(work, campaign, after)
        forgotten = [one for _, one, _ in changed if one.state is TargetState.UPDATING and not one.command_id]
        for target in [*to_ask, *forgotten]:
            self._ask(campaign, target)

    async def _to_ask(
        self, work: UnitOfWork, campaign: FirmwareCampaign, sights: Sequence[tuple[Target, Sight]]
    ) -> list[Target]:
        in_flight = sum(target.state in IN_FLIGHT for target, _ in sights)
        free = min(askable(campaign, in_flight, self._clock.now()), _MOST_ASKING - len(self._asking))
        ready = [
            target
            for target, sight in sights
            if target.state is TargetState.WAITING and target.wave == campaign.wave and is_ready(sight)
        ]
        chosen = [asked(target, self._clock.now()) for target in ready[: max(free, 0)]]
        await work.firmware_campaigns.replace_targets(chosen)
        return chosen

    def _ask(self, campaign: FirmwareCampaign, target: Target) -> None:
        key = (campaign.id, target.charge_point_id)
        if key in self._asking:
            return
        task = asyncio.create_task(self._asked(campaign, target))
        self._asking[key] = task
        task.add_done_callback(lambda _: self._asking.pop(key, None))

    async def _asked(self, campaign: FirmwareCampaign, target: Target) -> None:
        name = target.charge_point_id
        # By when it was asked: one that went away before is asked anew.
        request_id = derived_id(campaign.id, name, target.ask_time.isoformat() if target.ask_time else "")
        with as_tenant(campaign.tenant_id):
            try:
                if await self._running.at_charge_point(name):
                    await self._note(target, lambda one: not_reached(one, self._clock.now()))
                    return
                command_id, error = await self._commands.update_firmware(name, campaign.file_id, request_id), ""
            except DomainError as failure:
                if failure.kind in _AGAIN or failure.reason in _UNKNOWN:
                    _log.info("the update of charge point %s is asked for again: %s", name, failure.message)
                    return
                command_id, error = "", f"{failure.reason}: {failure.message}"
                if failure.reason in _NOT_ASKED:
                    await self._note(target, lambda one: not_reached(one, self._clock.now()))
                    return
        if error:
            await self._note(target, lambda one: failed(one, error, self._clock.now()))
        else:
            await self._note(target, lambda one: replace(one, command_id=command_id))

    async def _note(self, target: Target, change: Callable[[Target], Target]) -> None:
        async with self._units_of_work() as work:
            current = await work.firmware_campaigns.target(target.campaign_id, target.charge_point_id)
            if current is not None and current.state is TargetState.UPDATING:
                await work.firmware_campaigns.replace_targets([change(current)])


async def _store(work: UnitOfWork, before: FirmwareCampaign, campaign: FirmwareCampaign) -> None:
    """Store `campaign`, which was `before`, and tell of it when its state is another one."""
    await work.firmware_campaigns.replace(campaign)
    if campaign.state is not before.state:
        await work.publish([FirmwareCampaignChanged(campaign=campaign)])


async def _version(work: UnitOfWork, file_id: str) -> str:
    """The version that an image gives. Raises: FILE_NOT_FOUND, FILE_NOT_STORED, INVALID_FIELD."""
    # Locked: it must not be deleted before the campaign is there.
    file = await work.files.find(file_id, for_update=True)
    if file is None:
        raise not_found("file", file_id)
    if file.state not in (FileState.STORED, FileState.ELSEWHERE):
        raise not_stored(file)
    if file.firmware is None or not file.firmware.version:
        raise invalid("campaign.fileId", "must be a file of firmware that says its version")
    return file.firmware.version


async def _candidates(work: UnitOfWork, selection: Selection) -> list[Candidate]:
    """Those in service that are selected. Raises: INVALID_FIELD for too many, or one that there is not."""
    found: dict[str, Candidate] = {}
    if selection.charge_point_ids:
        for position, name in enumerate(selection.charge_point_ids):
            point = await work.charge_points.find(name)
            if point is None or point.state is not ChargePointState.ACCEPTED:
                raise invalid(f"campaign.selection.chargePointIds[{position}]", "is no charge point in service")
            found[name] = Candidate(name, point.online, point.firmware_version)
        return list(found.values())
    texts = {name: getattr(selection, name) for name in SELECTION_TEXTS}
    narrowing = ChargePointFilter(**texts, state=ChargePointState.ACCEPTED)
    token = ""
    while True:
        page = await work.charge_points.page(narrowing, page_request(MAX_SIZE, token))
        found |= {one.id: Candidate(one.id, one.online, one.firmware_version) for one in page.items}
        if len(found) > MOST_TARGETS:
            raise invalid("campaign.selection", f"must be at most {MOST_TARGETS} charge points")
        if not (token := page.next_token):
            return list(found.values())


async def _view(work: UnitOfWork, campaign: FirmwareCampaign) -> CampaignView:
    return CampaignView(campaign, await work.firmware_campaigns.counts(campaign.id))


async def _found(work: UnitOfWork, campaign_id: str, *, for_update: bool = False) -> FirmwareCampaign:
    campaign = await work.firmware_campaigns.find(campaign_id, for_update=for_update)
    if campaign is None:
        raise not_found("firmware campaign", campaign_id)
    return campaign
