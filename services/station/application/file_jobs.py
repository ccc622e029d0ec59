"""File jobs: beginning one for a command, following what is told of it, and letting go of what is silent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import failed_precondition, invalid, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.redaction import redacted_text
from services.station.application.files import Files
from services.station.domain.device_event import DeviceEvent
from services.station.domain.file_job import (
    KINDS,
    FileJob,
    FileJobFilter,
    FileJobKind,
    FileJobView,
    begun,
    booted,
    concerned,
    rejected,
    replaced,
    reported,
    takes_place,
    timed_out,
)
from services.station.domain.stored_file import (
    Direction,
    FileAddresses,
    FilePurpose,
    FileState,
    StoredFile,
    not_stored,
)
from services.station.ports import UnitOfWork, UnitsOfWork

# Charge points fetch and send when they like: so long a link is good after it may be used first.
_LINK_LIFE, _LONGEST_LINK_LIFE = timedelta(days=3), timedelta(days=30)
_LONGEST_WAIT = _LONGEST_LINK_LIFE - _LINK_LIFE
# Without a word for so long, a job is over.
PATIENCE = timedelta(hours=24)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Errand:
    """What a command asks for, as far as files are concerned. One of `file_id` and `location` says where firmware is;
    a log without a location goes to the platform."""

    charge_point_id: str
    command_id: str
    kind: FileJobKind
    file_id: str = ""
    location: str = ""
    by_ftp: bool = False
    retrieve_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Directions:
    """What the charge point is told."""

    location: str
    retrieve_time: datetime
    checksum: str = ""
    signing_certificate: str = ""
    signature: str = ""


class FileJobs:
    """The use cases of file jobs. Each method is one unit of work."""

    def __init__(
        self,
        units_of_work: UnitsOfWork,
        files: Files,
        addresses: FileAddresses,
        clock: Clock,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._units_of_work = units_of_work
        self._files = files
        self._addresses = addresses
        self._clock = clock
        self._patience = patience

    async def page(self, narrowing: FileJobFilter, page: PageRequest) -> Page[FileJobView]:
        """One page of jobs of a charge point, the newest first."""
        async with self._units_of_work.reading() as work:
            found = await work.file_jobs.page(narrowing, page)
            views = await _views(work, found.items)
        return Page(views, found.next_token, found.total_size)

    async def get(self, job_id: str) -> FileJobView:
        """Raises: FILE_JOB_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            job = await work.file_jobs.find(job_id)
            if job is None:
                raise not_found("file job", job_id)
            [view] = await _views(work, [job])
        return view

    async def prepare(self, errand: Errand) -> Directions:
        """Begin the job of a command, if it has not begun; with a link of its own each time.

        Raises: CHARGE_POINT_NOT_FOUND, FILE_NOT_FOUND, FILE_NOT_STORED, FTP_NOT_SERVED, INVALID_FIELD.
        """
        now = self._clock.now()
        retrieve_time = errand.retrieve_time or now
        if retrieve_time > now + _LONGEST_WAIT:
            raise invalid("retrieveTime", f"must be within {_LONGEST_WAIT.days} days: no link is good for longer")
        async with self._units_of_work() as work:
            point = await work.charge_points.find(errand.charge_point_id)
            if point is None:
                raise not_found("charge point", errand.charge_point_id)
            before = await work.file_jobs.find(errand.command_id, for_update=True)
            file = await self._file_for(work, errand, before, point.tenant_id)
            if before is None:
                job = begun(errand.command_id, point.id, errand.kind, retrieve_time, self._patience, now)
                job = replace(
                    job,
                    file_id=None if file is None else file.id,
                    location=redacted_text(errand.location),
                    version=file.firmware.version if file is not None and file.firmware is not None else "",
                    previous_version=point.firmware_version,
                    tenant_id=point.tenant_id,
                )
                await work.file_jobs.add(job)
            if file is None:
                return Directions(errand.location, retrieve_time)
            return await self._directions(work, errand, file, retrieve_time)

    async def settle(self, command_id: str, accepted: bool, status: str, error: str) -> None:
        """Note what was answered to the command of a job; nothing where there is none. Idempotent."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            job = await work.file_jobs.find(command_id, for_update=True)
            if job is None:
                return
            if not accepted:
                await work.file_jobs.replace([rejected(job, status, error, now)])
            elif takes_place(status):
                all_of = await work.file_jobs.latest([job.charge_point_id])
                older = [one for one in all_of if one.kind is job.kind and one.create_time < job.create_time]
                await work.file_jobs.replace([replaced(one, now) for one in older if one.is_open])

    async def look(self) -> int:
        """End some jobs whose charge points booted with what they should have, or of which nothing was heard; how many
        there were."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            done = [booted(job, now) for job in await work.file_jobs.booted(_AT_ONCE)]
            await work.file_jobs.replace(done)
        async with self._units_of_work() as work:
            silent = [timed_out(job, now) for job in await work.file_jobs.silent(now, _AT_ONCE)]
            await work.file_jobs.replace(silent)
        return len(done) + len(silent)

    async def _file_for(
        self, work: UnitOfWork, errand: Errand, before: FileJob | None, tenant_id: str
    ) -> StoredFile | None:
        """The file of a job: that of firmware, or one for the log to come. None where it is none of ours."""
        if errand.location:
            return None
        if before is not None and before.file_id is not None:
            return await work.files.find(before.file_id)
        if errand.kind is not FileJobKind.GET_LOG:
            file = await work.files.find(errand.file_id)
            if file is None:
                raise not_found("file", errand.file_id)
            if file.purpose is not FilePurpose.FIRMWARE:
                raise invalid("fileId", "is no file of firmware")
            return file
        now = self._clock.now()
        file = StoredFile(
            id=new_id(),
            purpose=FilePurpose.LOG,
            name=f"{errand.charge_point_id[:40].replace('/', '_')}-{now:%Y%m%dT%H%M%S}.log",
            charge_point_id=errand.charge_point_id,
            create_time=now,
            tenant_id=tenant_id,
        )
        await work.files.add(file)
        return file

    async def _directions(
        self, work: UnitOfWork, errand: Errand, file: StoredFile, retrieve_time: datetime
    ) -> Directions:
        firmware = file.firmware
        checksum = (firmware.checksum if firmware is not None else "") or file.md5
        if file.state is FileState.ELSEWHERE and firmware is not None:
            location = firmware.location
        else:
            location = await self._link(work, errand, file, retrieve_time)
        if firmware is None:
            return Directions(location, retrieve_time, checksum)
        return Directions(location, retrieve_time, checksum, firmware.signing_certificate, firmware.signature)

    async def _link(self, work: UnitOfWork, errand: Errand, file: StoredFile, retrieve_time: datetime) -> str:
        is_log = errand.kind is FileJobKind.GET_LOG
        if file.state is not (FileState.AWAITED if is_log else FileState.STORED):
            raise not_stored(file)
        life = min(max(retrieve_time - self._clock.now(), timedelta()) + _LINK_LIFE, _LONGEST_LINK_LIFE)
        link = await self._files.add_link(work, file, Direction.UPLOAD if is_log else Direction.DOWNLOAD, life)
        if not errand.by_ftp:
            return self._addresses.url_of(link)
        if not (location := self._addresses.ftp_url_of(link)):
            raise failed_precondition("FTP_NOT_SERVED", "the platform serves no FTP; FTP_LISTEN_PORT turns it on")
        return location


async def fold(work: UnitOfWork, events: Sequence[DeviceEvent]) -> None:
    """Take in what events tell of jobs that were not kept before."""
    told: defaultdict[str, list[DeviceEvent]] = defaultdict(list)
    for event in events:
        if event.kind in KINDS:
            told[event.charge_point_id].append(event)
    if not told:
        return
    jobs = {job.id: job for job in await work.file_jobs.latest(list(told))}
    before = dict(jobs)
    files = await _files_of(work, jobs.values())
    for name, news in told.items():
        for event in sorted(news, key=lambda one: (one.time, one.received_time)):
            of_point = [job for job in jobs.values() if job.charge_point_id == name]
            job = concerned(event, of_point)
            if job is not None:
                file = files.get(job.file_id or "")
                jobs[job.id] = reported(job, event.status, event.telling.time, file, PATIENCE, event.received_time)
    await work.file_jobs.replace([job for job in jobs.values() if job is not before[job.id]])


async def _files_of(work: UnitOfWork, jobs: Iterable[FileJob]) -> Mapping[str, StoredFile]:
    """The files of jobs, by their ids."""
    ids = [job.file_id for job in jobs if job.file_id is not None]
    return {file.id: file for file in await work.files.find_all(ids)} if ids else {}


async def _views(work: UnitOfWork, jobs: Sequence[FileJob]) -> list[FileJobView]:
    files = await _files_of(work, jobs)
    return [FileJobView(job, files.get(job.file_id or "")) for job in jobs]
