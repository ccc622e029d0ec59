"""Restarting charge points of which a push of a template has changed settings that need it, as the template says."""

import logging
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.ids import derived_id
from services.kernel.tenancy import as_tenant
from services.station.domain.configuration_template import Reboot
from services.station.ports import Commands, RunningTransactions, UnitOfWork, UnitsOfWork, WantedReboot

# Who was never idle or online for so long is restarted by somebody else, or not at all.
_PATIENCE = timedelta(days=7)

_log = logging.getLogger(__name__)


async def take_in_change(
    work: UnitOfWork, commands: Commands, charge_point_id: str, command_id: str, tenant_id: str, now: datetime
) -> None:
    """Note that a charge point is to be restarted, when a command that changed settings was part of a push and one of
    them needs it. Raises: UNAVAILABLE."""
    made = await commands.made(command_id)
    if not made.needs_reboot or not made.campaign_id:
        return
    reboot = await work.configuration_templates.reboot_after(made.campaign_id)
    if reboot is not Reboot.NEVER:
        wanted = WantedReboot(charge_point_id, reboot, command_id, tenant_id, now)
        await work.configuration_templates.want_reboot(wanted)


class ConfigurationReboots:
    """Does what is noted. Every replica may: a restart is one command, whoever asks for it."""

    def __init__(
        self, units_of_work: UnitsOfWork, commands: Commands, running: RunningTransactions, clock: Clock
    ) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._running = running
        self._clock = clock

    async def restart_some(self) -> int:
        """Restart those whose time it is; how many there were to look at."""
        async with self._units_of_work() as work:
            wanted = await work.configuration_templates.wanted_reboots(self._clock.now() - _PATIENCE)
        for one in wanted:
            await self._restart(one)
        return len(wanted)

    async def _restart(self, wanted: WantedReboot) -> None:
        name = wanted.charge_point_id
        async with self._units_of_work() as work:
            point = await work.charge_points.find(name)
            if point is None or (point.boot_time is not None and point.boot_time > wanted.create_time):
                # It has been by now.
                await work.configuration_templates.end_reboot(wanted)
                return
        if not point.online:
            return
        try:
            # The command is to be the tenant's.
            with as_tenant(wanted.tenant_id):
                if wanted.reboot is Reboot.ON_IDLE and await self._running.at_charge_point(name):
                    return
                request_id = derived_id("restart after", wanted.command_id)
                await self._commands.reset(name, wanted.reboot is Reboot.AT_ONCE, request_id)
        except DomainError as error:
            _log.info("charge point %s was not restarted after a change of settings: %s", name, error.message)
            return
        async with self._units_of_work() as work:
            await work.configuration_templates.end_reboot(wanted)
