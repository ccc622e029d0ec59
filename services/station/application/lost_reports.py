"""Reports of which some was lost on the way: the charge point is asked once more, and never again for the same.

A report comes in many messages, and a charge point repeats none of them that it holds to be delivered: what is missing
two minutes after the last one does not come. Asked is by the command that had asked before, made anew.
"""

import asyncio
import logging
from collections.abc import Callable

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.ids import derived_id
from services.kernel.tenancy import as_tenant
from services.station.domain.device_report import LostReport
from services.station.ports import Commands, DeviceReportRepository, UnitOfWork, UnitsOfWork

_AT_ONCE = 5

_log = logging.getLogger(__name__)
_Reports = Callable[[UnitOfWork], DeviceReportRepository]


class LostReports:
    """Finding them and asking again. Every replica may."""

    def __init__(self, units_of_work: UnitsOfWork, commands: Commands, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._clock = clock

    async def ask_some(self) -> int:
        """Ask for the next few of each kind; how many reports they were."""
        kinds: tuple[_Reports, ...] = (lambda work: work.device_reports, lambda work: work.monitoring_reports)
        return sum([await self._ask_some_of(reports) for reports in kinds])

    async def _ask_some_of(self, reports: _Reports) -> int:
        async with self._units_of_work() as work:
            lost = await reports(work).claim_lost(self._clock.now(), _AT_ONCE)
        # One command may have been several calls, and each of them a report.
        commands = {(one.report.charge_point_id, one.report.request.command_id): one for one in lost}
        await asyncio.gather(*(self._ask(reports, one) for one in commands.values()))
        return len(lost)

    async def _ask(self, reports: _Reports, lost: LostReport) -> None:
        name, command_id = lost.report.charge_point_id, lost.report.request.command_id
        try:
            # The command is to be the tenant's.
            with as_tenant(lost.tenant_id):
                again = await self._commands.ask_again(name, command_id, derived_id("asked again", command_id))
        except DomainError as error:
            _log.info("charge point %s was not asked again for a report: %s", name, error.message)
            return
        async with self._units_of_work() as work:
            await reports(work).note_again(name, command_id, again)
