"""What becomes of a file job by what its charge point tells, by what the platform sees, and by time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.station.domain.device_event import DeviceEvent, Severity
from services.station.domain.file_job import (
    FileJob,
    FileJobKind,
    FileJobState,
    begun,
    booted,
    concerned,
    rejected,
    reported,
    stored,
    timed_out,
)
from services.station.domain.stored_file import FilePurpose, FileState, StoredFile

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
DAY = timedelta(days=1)
AWAITED = StoredFile(id="f", purpose=FilePurpose.LOG, name="log", create_time=NOW)
HERE = replace(AWAITED, state=FileState.STORED)
UPDATE, LOG = FileJobKind.UPDATE_FIRMWARE, FileJobKind.GET_LOG


def job_of(kind: FileJobKind = UPDATE, command_id: str = "c1", **fields: Any) -> FileJob:
    return replace(begun(command_id, "CP1", kind, NOW, DAY, NOW), **fields)


def told(job: FileJob, *statuses: str, file: StoredFile | None = None) -> FileJob:
    """A status a minute."""
    for minute, status in enumerate(statuses, 1):
        time = NOW + timedelta(minutes=minute)
        job = reported(job, status, time, file, DAY, time)
    return job


def event(kind: str, request_id: int | None = None) -> DeviceEvent:
    return DeviceEvent(
        id="",
        charge_point_id="CP1",
        kind=kind,
        action="",
        protocol="ocpp1.6",
        epoch=1,
        time=NOW,
        device_time=None,
        received_time=NOW,
        subject="",
        status="Installing",
        info="",
        request_id=request_id,
        evse_id=0,
        connector_id=0,
        severity=Severity.INFO,
        flags=(),
        payload_json="",
        dropped_json="",
        message_id="",
    )


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["Idle"], FileJobState.ASKED),
        (["Downloading"], FileJobState.RUNNING),
        (["Downloading", "Downloaded", "SignatureVerified", "InstallRebooting", "Installing"], FileJobState.RUNNING),
        (["Downloading", "Downloaded", "Installing", "Installed"], FileJobState.DONE),
        (["Installed", "Installing"], FileJobState.DONE),
        (["downloadfailed"], FileJobState.FAILED),
        (["DownloadFailed", "Downloading"], FileJobState.RUNNING),
        (["InstallVerificationFailed"], FileJobState.FAILED),
        (["InvalidSignature"], FileJobState.FAILED),
        (["AcceptedCanceled"], FileJobState.CANCELED),
        (["AcceptedCanceled", "Downloading"], FileJobState.CANCELED),
        (["WhateverTheMakerSays"], FileJobState.RUNNING),
    ],
)
def test_an_update_goes_by_its_statuses(statuses: list[str], state: FileJobState) -> None:
    job = told(job_of(), *statuses)
    assert job.state is state
    assert (job.end_time is None) == job.is_open


def test_what_is_told_late_says_nothing_any_more() -> None:
    job = told(job_of(), "Downloading", "Installing")
    assert reported(job, "DownloadFailed", NOW + timedelta(seconds=90), None, DAY, NOW + DAY) is job


def test_news_put_the_end_off() -> None:
    assert job_of().expire_time == NOW + DAY
    assert told(job_of(), "Downloading").expire_time == NOW + DAY + timedelta(minutes=1)
    later = begun("c1", "CP1", UPDATE, NOW + 3 * DAY, DAY, NOW)
    assert later.expire_time == told(later, "DownloadScheduled").expire_time == NOW + 4 * DAY


def test_a_log_is_there_when_the_platform_has_it() -> None:
    claimed = told(job_of(LOG), "Uploading", "Uploaded", file=AWAITED)
    assert (claimed.state, claimed.status) == (FileJobState.FAILED, "Uploaded")
    assert "no file has come" in claimed.error
    assert stored(claimed, NOW).state is FileJobState.DONE
    assert told(stored(job_of(LOG), NOW), "Uploaded", file=HERE).state is FileJobState.DONE
    # Sent to somewhere else, its word is all there is.
    assert told(job_of(LOG), "Uploaded").state is FileJobState.DONE


def test_a_boot_with_the_new_firmware_ends_an_update() -> None:
    assert booted(told(job_of(), "Installing"), NOW).state is FileJobState.DONE
    failed = told(job_of(), "InstallationFailed")
    assert booted(failed, NOW) is failed


def test_silence_and_refusal_end_what_goes_on_and_nothing_else() -> None:
    assert timed_out(job_of(), NOW).state is FileJobState.TIMED_OUT
    assert told(timed_out(job_of(), NOW), "Installed").state is FileJobState.DONE
    assert rejected(job_of(), "Rejected", "", NOW).state is FileJobState.REJECTED
    done = told(job_of(), "Installed")
    assert timed_out(done, NOW) is done
    assert rejected(done, "Rejected", "", NOW).state is FileJobState.DONE


def test_a_notification_is_about_the_job_of_its_number_or_the_newest_that_goes_on() -> None:
    first = job_of(command_id="c1")
    second = job_of(command_id="c2", create_time=NOW + timedelta(hours=1))
    log = job_of(LOG, command_id="c3", create_time=NOW + timedelta(hours=2))
    jobs = [second, log, first]
    assert concerned(event("firmware_status"), jobs) is second
    assert concerned(event("firmware_status", first.request_id), jobs) is first
    assert concerned(event("firmware_status", 7), jobs) is None
    assert concerned(event("log_status"), jobs) is log
    assert concerned(event("firmware_status"), [told(second, "Installed"), first]) is first
    # It tries again: no older one that nobody heard of.
    failed = told(second, "DownloadFailed")
    assert concerned(event("firmware_status"), [failed, first]) is failed
    assert concerned(event("firmware_status"), [rejected(second, "Rejected", "", NOW), first]) is first
    assert concerned(event("firmware_publication"), jobs) is None
