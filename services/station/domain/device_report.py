"""Reports of variables and of monitors that come in parts, and when one of them is whole.

Pure. A request is answered by the parts of its number that came after it was asked and before the same number was asked
again: callers of raw requests give any number, and most give the same one each time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from services.station.domain.device_variable import ReportedVariable

# Nodes of the edge have clocks of their own.
_CLOCK_SLACK = timedelta(seconds=1)
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
    """A report that was asked for. `time` is when the first of it was told; None until all of it has come."""

    charge_point_id: str
    request: ReportRequest
    time: datetime | None = None


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
