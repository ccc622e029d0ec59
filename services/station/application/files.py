"""Files and links to them: making them, taking bytes in and giving them out, and forgetting what is old."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.errors import failed_precondition, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import as_platform
from services.kernel.validation import Violations
from services.station.domain import file_job
from services.station.domain.firmware_campaign import CampaignState
from services.station.domain.stored_file import (
    USUAL_LIFE,
    Direction,
    FileFilter,
    FileLink,
    FilePurpose,
    FileState,
    Firmware,
    NewLink,
    Received,
    StoredFile,
    check_life,
    checked_name,
    hash_of,
    new_secret,
    not_stored,
    openable,
    stored,
)
from services.station.ports import UnitOfWork, UnitsOfWork

# So that who comes late with a link hears that it was good once.
_LINKS_KEPT = timedelta(days=30)
# A log that nobody sent is of no use to anybody after the longest link to it.
_AWAITED_KEPT = timedelta(days=90)
_FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class FileBounds:
    """How large files may be, in bytes, and how long logs are kept."""

    most_firmware_bytes: int
    most_log_bytes: int
    logs_kept: timedelta

    def most_bytes(self, purpose: FilePurpose) -> int:
        return self.most_firmware_bytes if purpose is FilePurpose.FIRMWARE else self.most_log_bytes


class Files:
    """The use cases of files. Each method is one unit of work. `remove` takes the bytes of a file away, by its id."""

    def __init__(
        self, units_of_work: UnitsOfWork, clock: Clock, bounds: FileBounds, remove: Callable[[str], None]
    ) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._bounds = bounds
        self._remove = remove

    async def page(self, narrowing: FileFilter, page: PageRequest) -> Page[StoredFile]:
        """One page of files, the newest first."""
        async with self._units_of_work.reading() as work:
            return await work.files.page(narrowing, page)

    async def get(self, file_id: str) -> StoredFile:
        """Raises: FILE_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            return _found(await work.files.find(file_id), file_id)

    async def create(
        self, name: str, firmware: Firmware | None, life: timedelta | None, request_id: str
    ) -> tuple[StoredFile, NewLink | None]:
        """A file of firmware, and the link by which its bytes come; none where they lie elsewhere. Idempotent by
        `request_id`: the same file, as often as it is asked for with a link of its own. Raises: INVALID_FIELD."""
        violations = Violations()
        checked_name("name", name, violations)
        if firmware is not None:
            firmware.check(violations)
        violations.raise_if_any()
        is_here = firmware is None or not firmware.location
        file = StoredFile(
            id=new_id(),
            purpose=FilePurpose.FIRMWARE,
            name=name,
            state=FileState.AWAITED if is_here else FileState.ELSEWHERE,
            create_time=self._clock.now(),
            firmware=firmware,
        )
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, file.id)) != file.id:
                file = _found(await work.files.find(made), made)
            else:
                await work.files.add(file)
            if file.state is not FileState.AWAITED:
                return file, None
            return file, await self.add_link(work, file, Direction.UPLOAD, life, field_name="linkLife")

    async def link(self, file_id: str, direction: Direction, life: timedelta | None) -> NewLink:
        """A new link to a file. Raises: FILE_NOT_FOUND, FILE_EXISTS for an upload of what is there, FILE_NOT_STORED for
        a download of what is not, INVALID_FIELD."""
        async with self._units_of_work() as work:
            file = _found(await work.files.find(file_id), file_id)
            if file.state is FileState.GONE:
                raise not_stored(file)
            made = await self.add_link(work, file, direction, life)
            openable(made.link, file, direction, self._clock.now())
            return made

    async def add_link(
        self,
        work: UnitOfWork,
        file: StoredFile,
        direction: Direction,
        life: timedelta | None = None,
        *,
        field_name: str = "life",
    ) -> NewLink:
        """A link to a file, in a unit of work of somebody else; `field_name` is what the caller calls `life`. Raises:
        INVALID_FIELD."""
        life = USUAL_LIFE if life is None else life
        violations = Violations()
        check_life(field_name, life, violations)
        violations.raise_if_any()
        secret, now = new_secret(), self._clock.now()
        link = FileLink(
            secret_hash=hash_of(secret),
            file_id=file.id,
            direction=direction,
            most_bytes=self._bounds.most_bytes(file.purpose),
            create_time=now,
            expire_time=now + life,
            tenant_id=file.tenant_id,
        )
        await work.files.add_link(link)
        return NewLink(link, secret, file.name)

    async def delete(self, file_id: str) -> None:
        """Take a file and its bytes away. Raises: FILE_NOT_FOUND, FILE_IN_USE."""
        async with self._units_of_work() as work:
            file = _found(await work.files.find(file_id, for_update=True), file_id)
            for campaign in await work.firmware_campaigns.not_over():
                if campaign.file_id == file.id and campaign.state is not CampaignState.CANCELED:
                    raise failed_precondition("FILE_IN_USE", f"firmware campaign {campaign.id} is not over")
            await work.files.remove(file.id)
        self._remove(file.id)

    async def opened(self, secret: str, direction: Direction) -> tuple[FileLink, StoredFile]:
        """The file that a secret opens, whoever has it. Raises as `openable`."""
        with as_platform():
            async with self._units_of_work.reading() as work:
                link = await work.files.find_link(hash_of(secret))
                file = None if link is None else await work.files.find(link.file_id)
        found = openable(link, file, direction, self._clock.now())
        assert link is not None
        return link, found

    async def store(self, file_id: str, received: Received, keep: Callable[[], None]) -> StoredFile:
        """Note that the bytes of a file have come, after `keep` has put them in their place.

        Raises: FILE_EXISTS when other bytes came first, FILE_NOT_FOUND when it was deleted meanwhile.
        """
        with as_platform():
            async with self._units_of_work() as work:
                file = _found(await work.files.find(file_id, for_update=True), file_id)
                kept = self._bounds.logs_kept if file.purpose is FilePurpose.LOG else None
                changed = stored(file, received, kept, self._clock.now())
                keep()
                await work.files.replace(changed)
                jobs = await work.file_jobs.of_file(file_id)
                await work.file_jobs.replace([file_job.stored(job, self._clock.now()) for job in jobs])
        return changed

    async def forget(self) -> int:
        """Take the bytes of some old files away, and links and files that nobody will use; how many files there were.

        The rows of logs stay, and say what was there.
        """
        now = self._clock.now()
        async with self._units_of_work() as work:
            await work.files.forget_links(now - _LINKS_KEPT)
            old = await work.files.to_forget(now, now - _AWAITED_KEPT, _FORGOTTEN_AT_ONCE)
            for file in old:
                await work.files.replace(replace(file, state=FileState.GONE, delete_time=None))
        for file in old:
            self._remove(file.id)
        return len(old)


def _found(file: StoredFile | None, file_id: str) -> StoredFile:
    if file is None:
        raise not_found("file", file_id)
    return file
