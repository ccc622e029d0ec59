"""What the station service does by the clock: it closes the connections of edge nodes that died without a word,
forgets who was refused long ago, asks charge points for what they never told, and serves files."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta

from services.process.heartbeats import every, repeat
from services.process.stirring import AT_REST_SECONDS
from services.station.adapters.file_folder import FileFolder
from services.station.application.configuration_reboots import ConfigurationReboots
from services.station.application.connectivity import Connectivity
from services.station.application.file_jobs import FileJobs
from services.station.application.files import Files
from services.station.application.firmware_campaigns import FirmwareCampaigns
from services.station.application.inventories import Inventories
from services.station.application.lost_reports import LostReports
from services.station.application.refusals import Refusals
from services.station.settings import StationSettings

# Beside the end of a lease, so that it is over for sure.
_LATER_SECONDS = 0.5
# Often enough that what is beyond the bounds never becomes much.
_REFUSALS_SECONDS = 60.0
# That a few are asked each time makes this the pace of it.
_INVENTORIES_SECONDS = 1.0
_FILES_SECONDS = 60.0
_FILE_JOBS_SECONDS = 2.0
_LOST_REPORTS_SECONDS = 10.0
_CAMPAIGNS_SECONDS = 1.0
_CONFIGURATION_REBOOTS_SECONDS = 5.0

_log = logging.getLogger(__name__)


class LeaseSweeper:
    """Looks for connections whose node's lease has run out, whenever one may have. Every replica may run one.

    While this service or its database was away no node could report: each gets `patience` to do so first.
    """

    def __init__(self, connectivity: Connectivity, patience: timedelta) -> None:
        self._connectivity = connectivity
        self._patience = patience.total_seconds()

    async def run(self) -> None:
        """Sweep until cancelled; waits out a database that is away."""
        await asyncio.sleep(self._patience)
        await repeat(self._sweep, self._patience)

    async def _sweep(self) -> float:
        while closed := await self._connectivity.close_abandoned():
            _log.warning("closed %d connections of edge nodes that no longer report", closed)
        left = await self._connectivity.forget_nodes()
        if left is None:
            return AT_REST_SECONDS
        return min(left.total_seconds() + _LATER_SECONDS, AT_REST_SECONDS)


class RefusalSweeper:
    """Keeps what is known of refusals, and unknown charge points that never came again, within bounds: anybody can make
    more of both. Every replica may run one."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    async def run(self) -> None:
        """Sweep until cancelled; waits out a database that is away."""
        await every(_REFUSALS_SECONDS, self._refusals.forget)


class InventoryAsker:
    """Asks those that booted for their variables, as long as they have not told them all. Every replica runs one."""

    def __init__(self, inventories: Inventories) -> None:
        self._inventories = inventories

    async def run(self) -> None:
        """Ask until cancelled; waits out a database that is away."""
        await repeat(self._ask, _INVENTORIES_SECONDS, _INVENTORIES_SECONDS)

    async def _ask(self) -> float:
        return _INVENTORIES_SECONDS if await self._inventories.ask_some() else AT_REST_SECONDS


class LostReportAsker:
    """Asks once more for reports of which some was lost. Every replica runs one."""

    def __init__(self, lost_reports: LostReports) -> None:
        self._lost_reports = lost_reports

    async def run(self) -> None:
        """Ask until cancelled; waits out a database that is away."""
        await every(_LOST_REPORTS_SECONDS, self._lost_reports.ask_some, at_rest_seconds=AT_REST_SECONDS)


class ConfigurationRebooter:
    """Restarts charge points after pushes of templates. Every replica runs one."""

    def __init__(self, reboots: ConfigurationReboots) -> None:
        self._reboots = reboots

    async def run(self) -> None:
        """Restart until cancelled; waits out a database that is away."""
        await repeat(self._restart, _CONFIGURATION_REBOOTS_SECONDS, _CONFIGURATION_REBOOTS_SECONDS)

    async def _restart(self) -> float:
        # When one is idle is known elsewhere: nothing stirs this service then.
        return _CONFIGURATION_REBOOTS_SECONDS if await self._reboots.restart_some() else AT_REST_SECONDS


class FileKeeper:
    """Serves files over HTTP, and FTP where a port is set, and takes away what is old. Every replica runs one."""

    def __init__(self, files: Files, folder: FileFolder, settings: StationSettings) -> None:
        self._files = files
        self._folder = folder
        self._settings = settings

    async def run(self) -> None:
        """Serve until cancelled. Raises: OSError when a port is taken."""
        async with AsyncExitStack() as stack:
            await self._serve(stack)
            await every(_FILES_SECONDS, self._forget)

    async def _serve(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        if settings.files_listen_port is not None:
            # A third of a second of loading: only where files are served.
            from services.station.adapters.file_server import FileServer

            server = FileServer(self._files, self._folder)
            await stack.enter_async_context(server.running(settings.listen_host, settings.files_listen_port))
        if settings.ftp_listen_port is not None:
            from services.station.adapters.ftp_server import FtpServer

            ftp = FtpServer(
                self._files,
                self._folder,
                public_address=settings.ftp_public_address,
                data_ports=settings.ftp_data_port_range,
            )
            await stack.enter_async_context(ftp.running(settings.listen_host, settings.ftp_listen_port))

    async def _forget(self) -> None:
        while await self._files.forget():
            pass
        await asyncio.to_thread(self._folder.sweep)


class FileJobWatcher:
    """Ends file jobs that have worked, by a boot, and those that are silent. Every replica may run one."""

    def __init__(self, jobs: FileJobs) -> None:
        self._jobs = jobs

    async def run(self) -> None:
        """Watch until cancelled; waits out a database that is away."""
        await every(_FILE_JOBS_SECONDS, self._look, at_rest_seconds=AT_REST_SECONDS)

    async def _look(self) -> None:
        while await self._jobs.look():
            pass


class FirmwareCampaigner:
    """Takes firmware campaigns further, step by step. Every replica may run one; each step is taken by one of them."""

    def __init__(self, campaigns: FirmwareCampaigns) -> None:
        self._campaigns = campaigns

    async def run(self) -> None:
        """Step until cancelled; waits out a database that is away."""
        await repeat(self._step, _CAMPAIGNS_SECONDS, _CAMPAIGNS_SECONDS)

    async def _step(self) -> float:
        return _CAMPAIGNS_SECONDS if await self._campaigns.step() else AT_REST_SECONDS
