"""What callers can do with command campaigns: make them, look how they get on, hold and end them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import invalid, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.validation import Violations
from services.transaction.domain.campaign import (
    Campaign,
    CampaignOptions,
    CampaignState,
    CampaignView,
    given_up,
    paused,
    resumed,
)
from services.transaction.domain.command import (
    Ask,
    Command,
    CommandFilter,
    CommandOptions,
    CommandPriority,
    CommandState,
)
from services.transaction.domain.commands import KINDS, check, meant
from services.transaction.ports import CampaignRepository, UnitsOfWork


class Campaigns:
    """The use cases of campaigns; what goes on by itself is in `campaign_steps`."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    def asked(self, kind: str, body: Mapping[str, Any], options: CommandOptions) -> Ask:
        """What is to be asked of each charge point. Raises: INVALID_FIELD about the body or the options."""
        check(kind, body, options)
        return meant(kind, body)

    async def make(
        self, ask: Ask, options: CommandOptions, requested: CampaignOptions, requested_by: str
    ) -> CampaignView:
        """Record a campaign. Idempotent by the request id, for each caller. Raises: INVALID_FIELD."""
        violations, now = Violations(), self._clock.now()
        requested.check(violations)
        violations.raise_if_any()
        if KINDS[ask.kind].is_about_transaction:
            raise invalid("command", "is about one transaction: it is nothing to ask many charge points")
        if not ask.can_wait:
            raise invalid("command", "has a secret, which is not kept until its turn: ask charge points one by one")
        campaign = Campaign(
            id=new_id(),
            name=requested.name,
            kind=ask.kind,
            body=ask.recorded,
            selection=requested.selection,
            commands_per_second=requested.pace,
            max_in_flight=requested.most_in_flight,
            queue_while_offline=options.queue_while_offline,
            life=options.life,
            priority=options.priority or CommandPriority.BACKGROUND,
            state=CampaignState.SELECTING,
            requested_by=requested_by,
            create_time=now,
            update_time=now,
            pace_time=now,
        )
        async with self._units_of_work() as work:
            if options.request_id:
                made = await work.remember(options.request_id, campaign.id)
                if made != campaign.id:
                    return await self._view(work.campaigns, made)
            await work.campaigns.add(campaign)
        return CampaignView(campaign, {})

    async def get(self, campaign_id: str) -> CampaignView:
        """Raises: COMMAND_CAMPAIGN_NOT_FOUND."""
        async with self._units_of_work() as work:
            return await self._view(work.campaigns, campaign_id)

    async def page(self, state: CampaignState | None, page: PageRequest) -> Page[CampaignView]:
        """One page of campaigns, the newest first; their commands are not counted."""
        async with self._units_of_work() as work:
            return (await work.campaigns.page(state, page)).map(CampaignView)

    async def commands(self, campaign_id: str, state: CommandState | None, page: PageRequest) -> Page[Command]:
        """One page of the commands of a campaign, the newest first. Raises: COMMAND_CAMPAIGN_NOT_FOUND."""
        async with self._units_of_work() as work:
            campaign = _found(await work.campaigns.find(campaign_id), campaign_id)
            return await work.commands.page(CommandFilter(campaign_id=campaign.id, state=state), page)

    async def pause(self, campaign_id: str, by: str) -> CampaignView:
        """Raises: COMMAND_CAMPAIGN_NOT_FOUND, COMMAND_CAMPAIGN_OVER."""
        return await self._change(campaign_id, by, paused)

    async def resume(self, campaign_id: str, by: str) -> CampaignView:
        """Raises: COMMAND_CAMPAIGN_NOT_FOUND, COMMAND_CAMPAIGN_OVER."""
        return await self._change(campaign_id, by, resumed)

    async def cancel(self, campaign_id: str, by: str) -> CampaignView:
        """Raises: COMMAND_CAMPAIGN_NOT_FOUND, COMMAND_CAMPAIGN_OVER."""
        return await self._change(campaign_id, by, given_up)

    async def _change(
        self, campaign_id: str, by: str, change: Callable[[Campaign, str, datetime], Campaign]
    ) -> CampaignView:
        async with self._units_of_work() as work:
            found = _found(await work.campaigns.find(campaign_id, for_update=True), campaign_id)
            changed = change(found, by, self._clock.now())
            if changed is not found:
                await work.campaigns.replace(changed)
            return CampaignView(changed, await work.campaigns.counts(changed.id))

    async def _view(self, campaigns: CampaignRepository, campaign_id: str) -> CampaignView:
        campaign = _found(await campaigns.find(campaign_id), campaign_id)
        return CampaignView(campaign, await campaigns.counts(campaign.id))


def _found(campaign: Campaign | None, campaign_id: str) -> Campaign:
    if campaign is None:
        raise not_found("command campaign", campaign_id)
    return campaign
