"""Reports of variables and of monitors that come in parts, and when one of them is whole.

Pure. A request is answered by the parts of its number that came after it was asked and before the same number was asked
again: callers of raw requests give any number, and most give the same one each time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, pairwise

from services.station.domain.device_variable import ReportedVariable

# Nodes of the edge have clocks of their own.
_CLOCK_SLACK = timedelta(seconds=1)
# Whoever sends no more of a report for so long does not send the rest.
QUIET = timedelta(minutes=2)
_MOST_MISSING = 100
# The number of an inventory that is whole in one answer.
NO_REQUEST = 0


class Scope(StrEnum):
    """What a report tells of."""

    SELECTION = "SELECTION"
    CONFIGURATION_INVENTORY = "CONFIGURATION_INVENTORY"
    FULL_INVENTORY = "FULL_INVENTORY"
    SUMMARY_INVENTORY = "SUMMARY_INVENTORY"


@dataclass(frozen=True, slots=True)
class ReportPart:
    """Which part of a report a message is. `seq_no` counts from 0."""

    request_id: int
    seq_no: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class VariableReport:
    """What one message tells of variables."""

    variables: Sequence[ReportedVariable]
    part: ReportPart | None = None
    is_whole_inventory: bool = False


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """That a charge point was asked for a report, and will send it."""

    request_id: int
    scope: Scope
    command_id: str
    ask_time: datetime


@dataclass(frozen=True, slots=True)
class MonitoringReportRequest:
    """The same of a report of monitors."""

    request: ReportRequest


@dataclass(frozen=True, slots=True)
class ArrivedPart:
    """A part that came: by when it was told, and when it was received."""

    charge_point_id: str
    part: ReportPart
    time: datetime
    received_time: datetime


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A report that was asked for. `time` is when the first of it was told; None until all of it has come. By the
    command `again_command_id` it was asked for once more."""

    charge_point_id: str
    request: ReportRequest
    time: datetime | None = None
    again_command_id: str = ""


class ReportState(StrEnum):
    """What has come of a report."""

    ARRIVING = "ARRIVING"
    WHOLE = "WHOLE"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class SeenReport:
    """A report as a list shows it, with the numbers of the parts that are missing, those of the first."""

    report: DeviceReport
    state: ReportState
    missing_parts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class LostReport:
    """A report of which some is missing, and whose command would bring it anew."""

    report: DeviceReport
    tenant_id: str


def seen_reports(reports: Iterable[DeviceReport], parts: Sequence[ArrivedPart], now: datetime) -> Iterator[SeenReport]:
    """These reports as they stand, by the parts that answer their numbers; the reports may be some of several of one
    number."""
    by_number: dict[tuple[str, int], list[DeviceReport]] = {}
    listed = list(reports)
    for report in listed:
        by_number.setdefault((report.charge_point_id, report.request.request_id), []).append(report)
    answering: dict[DeviceReport, Sequence[ArrivedPart]] = {}
    for key, runs in by_number.items():
        of_number = [one for one in parts if (one.charge_point_id, one.part.request_id) == key]
        answering |= dict(_runs(runs, of_number))
    for report in listed:
        yield _seen(report, answering[report], now)


def _seen(report: DeviceReport, parts: Sequence[ArrivedPart], now: datetime) -> SeenReport:
    if report.time is not None:
        return SeenReport(report, ReportState.WHOLE)
    latest = max((one.received_time for one in parts), default=report.request.ask_time)
    state = ReportState.INCOMPLETE if now - latest >= QUIET else ReportState.ARRIVING
    there = {one.part.seq_no for one in parts}
    last = max((one.part.seq_no for one in parts if one.part.is_last), default=None)
    end = max(there, default=-1) + 2 if last is None else last + 1
    missing = islice((number for number in range(end) if number not in there), _MOST_MISSING)
    return SeenReport(report, state, tuple(missing))


def completed(reports: Iterable[DeviceReport], parts: Sequence[ArrivedPart]) -> Iterator[DeviceReport]:
    """Of these reports those that turn out to be whole by these parts, with their time."""
    asked: dict[tuple[str, int], list[DeviceReport]] = {}
    for report in reports:
        asked.setdefault((report.charge_point_id, report.request.request_id), []).append(report)
    for (charge_point_id, request_id), runs in asked.items():
        of_number = [
            arrived
            for arrived in parts
            if (arrived.charge_point_id, arrived.part.request_id) == (charge_point_id, request_id)
        ]
        for report, answering in _runs(runs, of_number):
            if report.time is None and (time := _whole_since(answering)) is not None:
                yield replace(report, time=time)


def _runs(
    reports: Sequence[DeviceReport], parts: Sequence[ArrivedPart]
) -> Iterator[tuple[DeviceReport, Sequence[ArrivedPart]]]:
    """Each of the reports of one number with the parts that answer it."""
    in_order = sorted(reports, key=lambda report: report.request.ask_time)
    for report, following in pairwise([*in_order, None]):
        assert report is not None
        begin = report.request.ask_time - _CLOCK_SLACK
        end = None if following is None else following.request.ask_time - _CLOCK_SLACK
        yield (
            report,
            [
                arrived
                for arrived in parts
                if begin <= arrived.received_time and (end is None or arrived.received_time < end)
            ],
        )


def _whole_since(parts: Sequence[ArrivedPart]) -> datetime | None:
    """When the first of these parts was told; None unless there are all from 0 to the last."""
    by_number: Mapping[int, ArrivedPart] = {arrived.part.seq_no: arrived for arrived in parts}
    last = max((arrived.part.seq_no for arrived in parts if arrived.part.is_last), default=None)
    if last is None or last >= len(by_number) or not all(seq_no in by_number for seq_no in range(last + 1)):
        return None
    return min(arrived.time for arrived in parts)
