"""What campaigns do by themselves: choose their charge points, make their commands at their pace, come to an end.

Each step is one unit of work that holds the campaign: whoever dies in the middle has done nothing, and of several
replicas one does it. A page of charge points and the mark behind it are stored together, and so are a command and that
its charge point no longer waits for one.
"""

import logging
from collections.abc import Callable

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import new_id
from services.kernel.tenancy import as_tenant
from services.transaction.application.delivery import changed_event
from services.transaction.domain.campaign import (
    Campaign,
    CampaignState,
    after_making,
    chosen,
    command_for,
    is_chosen_for,
    makeable,
    over,
    unchosen,
)
from services.transaction.domain.command import canceled
from services.transaction.ports import Fleet, UnitsOfWork

# So that one campaign of many charge points does not hold up the others, and no unit of work is long.
_PAGES_AT_ONCE, _CANCELED_AT_ONCE, _CAMPAIGNS_AT_ONCE = 20, 500, 100
# What may be better in a moment.
_PASSING = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.RESOURCE_EXHAUSTED})

_log = logging.getLogger(__name__)


class CampaignSteps:
    """The steps of all campaigns. `made` is called when there is something to deliver."""

    def __init__(self, units_of_work: UnitsOfWork, fleet: Fleet, made: Callable[[], object], clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._fleet = fleet
        self._made = made
        self._clock = clock

    async def step(self) -> bool:
        """Take every open campaign one step further; whether there is another one to take soon, by the clock.

        Raises DomainError when charge points cannot be asked for now.
        """
        async with self._units_of_work() as work:
            campaigns = await work.campaigns.open(_CAMPAIGNS_AT_ONCE)
        for campaign in campaigns:
            if campaign.state is CampaignState.CANCELED:
                await self._wind_up(campaign.id)
            elif campaign.select_time is None:
                await self._choose(campaign)
            elif campaign.state is CampaignState.RUNNING:
                await self._make(campaign.id)
        # One of which all commands are made waits for these, and what becomes of them stirs this service.
        return any(one.state is not CampaignState.RUNNING or one.pending for one in campaigns)

    async def _choose(self, campaign: Campaign) -> None:
        """Choose some more charge points."""
        for _ in range(_PAGES_AT_ONCE):
            try:
                with as_tenant(campaign.tenant_id):
                    names, page_token = await self._fleet.page(campaign.selection, campaign.page_token)
            except DomainError as error:
                if error.kind in _PASSING:
                    raise
                return await self._fail(campaign.id, f"{error.reason}: {error.message}")
            async with self._units_of_work() as work:
                current = await work.campaigns.find(campaign.id, for_update=True)
                # Another replica may have been here, or somebody has canceled it.
                if current is None or not is_chosen_for(current) or current.page_token != campaign.page_token:
                    return None
                added = await work.campaigns.add_targets(campaign.id, names)
                campaign = chosen(current, added, page_token, self._clock.now())
                await work.campaigns.replace(campaign)
            if campaign.select_time is not None:
                _log.info("campaign %s is for %d charge points", campaign.id, campaign.selected)
                return None
        return None

    async def _fail(self, campaign_id: str, error: str) -> None:
        async with self._units_of_work() as work:
            current = await work.campaigns.find(campaign_id, for_update=True)
            if current is not None and is_chosen_for(current):
                await work.campaigns.replace(unchosen(current, error, self._clock.now()))

    async def _make(self, campaign_id: str) -> None:
        """Make as many commands as its pace and what is on its way allow; end it when there is no more to come."""
        async with self._units_of_work() as work:
            # All of them one after the other: they share what may be on its way.
            await work.campaigns.lock_pace()
            campaign = await work.campaigns.find(campaign_id, for_update=True)
            if campaign is None or campaign.state is not CampaignState.RUNNING:
                return
            now = self._clock.now()
            if not campaign.pending:
                if not await work.campaigns.has_open_commands(campaign.id):
                    await work.campaigns.replace(over(campaign, now))
                return
            in_flight = await work.campaigns.in_flight(now)
            count = makeable(campaign, now, in_flight.get(campaign.id, 0), sum(in_flight.values()))
            if not count:
                return
            names = await work.campaigns.take_targets(campaign.id, count)
            commands = [command_for(campaign, new_id(), name, now) for name in names]
            for command in commands:
                await work.commands.add(command)
            await work.publish([changed_event(command) for command in commands])
            await work.campaigns.replace(after_making(campaign, len(commands), now))
        self._made()

    async def _wind_up(self, campaign_id: str) -> None:
        """Cancel what is queued of a campaign that was given up."""
        async with self._units_of_work() as work:
            campaign = await work.campaigns.find(campaign_id, for_update=True)
            if campaign is None or campaign.end_time is not None:
                return
            now = self._clock.now()
            given_up = [
                canceled(command, now) for command in await work.campaigns.queued(campaign.id, _CANCELED_AT_ONCE)
            ]
            for command in given_up:
                await work.commands.replace(command)
            await work.publish([changed_event(command) for command in given_up])
            if not given_up:
                await work.campaigns.forget_targets(campaign.id)
                await work.campaigns.replace(over(campaign, now))
