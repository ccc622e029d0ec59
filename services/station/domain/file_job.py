"""File jobs: updates of firmware and requests for logs, from the command that asks for one to its end. Pure.

A job goes on by what its charge point notifies, by what the platform itself has seen of the file, and by the boot with
the new firmware. OCPP 1.6 names no number in most notifications: they are about the newest job of their kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.ids import request_number
from services.kernel.tenancy import owner_of_new
from services.station.domain.device_event import DeviceEvent
from services.station.domain.stored_file import FileState, StoredFile

_LONGEST_ERROR = 500
# That a charge point says it does nothing is an answer to a trigger and no news of a job.
_IDLE = "idle"
_ACCEPTED_CANCELED = "acceptedcanceled"


class FileJobKind(StrEnum):
    """What a charge point was asked."""

    UPDATE_FIRMWARE = "UPDATE_FIRMWARE"
    PUBLISH_FIRMWARE = "PUBLISH_FIRMWARE"
    GET_LOG = "GET_LOG"


class FileJobState(StrEnum):
    """How far a job is."""

    ASKED = "ASKED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"


OPEN = frozenset({FileJobState.ASKED, FileJobState.RUNNING})
# A charge point that failed may try again, and one that was given up may be slow.
_MAY_GO_ON = OPEN | {FileJobState.FAILED, FileJobState.TIMED_OUT}
# By a notification without a number.
_MAY_BE_MEANT = OPEN | {FileJobState.FAILED}
# By the kind of a device event.
KINDS: Mapping[str, FileJobKind] = {
    "firmware_status": FileJobKind.UPDATE_FIRMWARE,
    "firmware_publication": FileJobKind.PUBLISH_FIRMWARE,
    "log_status": FileJobKind.GET_LOG,
}
# FirmwareStatus and DiagnosticsStatus (OCPP 1.6); FirmwareStatusEnum, PublishFirmwareStatusEnum and UploadLogStatusEnum
# (2.x), in lower case. Every other word says that it goes on.
_ENDS: Mapping[str, FileJobState] = {
    **dict.fromkeys(("installed", "published", "uploaded"), FileJobState.DONE),
    **dict.fromkeys(
        (
            *("downloadfailed", "installationfailed", "installverificationfailed", "invalidsignature"),
            *("invalidchecksum", "publishfailed"),
            *("badmessage", "notsupportedoperation", "permissiondenied", "uploadfailure", "uploadfailed"),
        ),
        FileJobState.FAILED,
    ),
    _ACCEPTED_CANCELED: FileJobState.CANCELED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJob:
    """The record of a job; `id` is that of its command. `status` is the last word of the charge point. `version` is
    what its firmware is called when it has worked; `expire_time` when it times out without news."""

    id: str
    charge_point_id: str
    kind: FileJobKind
    state: FileJobState = FileJobState.ASKED
    status: str = ""
    status_time: datetime | None = None
    error: str = ""
    request_id: int
    file_id: str | None = None
    location: str = ""
    version: str = ""
    previous_version: str = ""
    create_time: datetime
    update_time: datetime
    end_time: datetime | None = None
    expire_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJobFilter:
    """Which jobs of a charge point a list holds; None does not narrow it."""

    charge_point_id: str
    kind: FileJobKind | None = None
    state: FileJobState | None = None


@dataclass(frozen=True, slots=True)
class FileJobView:
    """A job with its file, where that is the platform's."""

    job: FileJob
    file: StoredFile | None


def begun(
    command_id: str, charge_point_id: str, kind: FileJobKind, begin: datetime, patience: timedelta, now: datetime
) -> FileJob:
    """A job that is asked for now and may begin at `begin`."""
    return FileJob(
        id=command_id,
        charge_point_id=charge_point_id,
        kind=kind,
        request_id=request_number(command_id),
        create_time=now,
        update_time=now,
        expire_time=max(begin, now) + patience,
    )


def concerned(event: DeviceEvent, jobs: Sequence[FileJob]) -> FileJob | None:
    """The job that a notification is about, of all of its charge point: that of its number; without one the newest that
    goes on or may be tried again, else the newest."""
    same = [job for job in jobs if job.kind is KINDS.get(event.kind)]
    if event.request_id is not None:
        return next((job for job in same if job.request_id == event.request_id), None)
    newest = sorted(same, key=lambda job: (job.state in _MAY_BE_MEANT, job.create_time, job.id))
    return newest[-1] if newest else None


def reported(
    job: FileJob, status: str, time: datetime, file: StoredFile | None, patience: timedelta, now: datetime
) -> FileJob:
    """`job` after its charge point has told a status; `file` is the one that it sends, or fetches. What was told before
    the last status says nothing any more."""
    word = status.lower()
    if word == _IDLE or not word or (job.status_time is not None and time < job.status_time):
        return job
    noted = replace(job, status=status, status_time=time, update_time=now)
    if job.state not in _MAY_GO_ON:
        return noted
    noted = replace(noted, expire_time=max(job.expire_time, now + patience))
    end = _ENDS.get(word)
    if end is None:
        return replace(noted, state=FileJobState.RUNNING, end_time=None, error="")
    if end is FileJobState.DONE and _never_came(job, file):
        return _ended(noted, FileJobState.FAILED, f"the charge point says {status}, and no file has come", now)
    return _ended(noted, end, "", now)


def stored(job: FileJob, now: datetime) -> FileJob:
    """`job` after the platform has got the whole log, whatever the charge point says."""
    if job.kind is not FileJobKind.GET_LOG or job.state not in _MAY_GO_ON:
        return job
    return _ended(job, FileJobState.DONE, "", now)


def booted(job: FileJob, now: datetime) -> FileJob:
    """`job` after its charge point booted with the firmware that it should have."""
    return _ended(job, FileJobState.DONE, "", now) if job.is_open else job


def timed_out(job: FileJob, now: datetime) -> FileJob:
    """`job` of which nothing was heard for too long."""
    return _ended(job, FileJobState.TIMED_OUT, "nothing was heard of it for too long", now) if job.is_open else job


def rejected(job: FileJob, status: str, error: str, now: datetime) -> FileJob:
    """`job` that its charge point did not take."""
    noted = replace(job, status=status or job.status)
    return _ended(noted, FileJobState.REJECTED, error, now) if job.is_open else job


def replaced(job: FileJob, now: datetime) -> FileJob:
    """`job` whose place another of its kind took."""
    return _ended(job, FileJobState.CANCELED, "another took its place", now) if job.is_open else job


def takes_place(status: str) -> bool:
    """Whether an answer says that what went on was given up for this (OCPP 2.0.1, L01.FR.24 and N01.FR.12)."""
    return status.lower() == _ACCEPTED_CANCELED


def _never_came(job: FileJob, file: StoredFile | None) -> bool:
    return job.kind is FileJobKind.GET_LOG and file is not None and file.state is FileState.AWAITED


def _ended(job: FileJob, state: FileJobState, error: str, now: datetime) -> FileJob:
    return replace(job, state=state, error=error[:_LONGEST_ERROR], end_time=now, update_time=now)
