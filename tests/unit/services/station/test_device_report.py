"""services.station.domain.device_report: a report is whole when all of its parts have come, in whatever order."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.station.domain.device_report import (
    ArrivedPart,
    DeviceReport,
    ReportPart,
    ReportRequest,
    ReportState,
    Scope,
    completed,
    seen_reports,
)
from tests.unit.services.station.samples import NOW


def report(number: int = 7, at: float = 0) -> DeviceReport:
    return DeviceReport("CP1", ReportRequest(number, Scope.FULL_INVENTORY, "", NOW + timedelta(seconds=at)))


def part(seq_no: int, at: float, *, last: bool = False, number: int = 7) -> ArrivedPart:
    time = NOW + timedelta(seconds=at)
    return ArrivedPart("CP1", ReportPart(number, seq_no, last), time, time)


def whole(reports: list[DeviceReport], parts: list[ArrivedPart]) -> list[float]:
    """When the reports that are whole were told."""
    return [(one.time - NOW).total_seconds() for one in completed(reports, parts) if one.time]


@given(st.permutations([part(0, 3), part(1, 4), part(2, 5, last=True), part(1, 6)]))
def test_a_report_is_whole_when_all_its_parts_have_come(parts: list[ArrivedPart]) -> None:
    assert whole([report()], parts) == [3]
    for missing in range(3):
        assert whole([report()], [one for one in parts if one.part.seq_no != missing]) == []


def test_parts_of_other_numbers_and_charge_points_do_not_count() -> None:
    parts = [part(0, 1), part(1, 1, last=True, number=8)]
    assert whole([report(), report(8)], parts) == []
    assert whole([DeviceReport("CP2", report().request)], [part(0, 1, last=True)]) == []


def test_a_number_that_is_asked_again_begins_anew() -> None:
    first, second = report(at=0), report(at=100)
    parts = [part(0, 1), part(1, 101, last=True)]
    assert whole([first, second], parts) == []
    assert whole([second, first], [*parts, part(0, 102)]) == [101]
    assert whole([first, second], [part(0, 1), part(1, 2, last=True), part(0, 101, last=True)]) == [1, 101]


def test_a_part_of_one_is_whole_and_what_is_whole_stays_so() -> None:
    [reported] = completed([report()], [part(0, 1, last=True)])
    assert list(completed([reported], [part(0, 1, last=True), part(0, 0, last=True)])) == []


def seen(parts: list[ArrivedPart], after: float, reports: list[DeviceReport] | None = None) -> list[object]:
    """How reports are shown some time after they were asked for."""
    shown = seen_reports(reports or [report()], parts, NOW + timedelta(seconds=after))
    return [(one.state, list(one.missing_parts)) for one in shown]


def test_a_report_is_incomplete_when_nothing_more_of_it_comes() -> None:
    arriving, incomplete = ReportState.ARRIVING, ReportState.INCOMPLETE
    assert seen([], 100) == [(arriving, [0])]
    assert seen([], 121) == [(incomplete, [0])]
    gap = [part(0, 1), part(3, 100), part(1, 90)]
    assert seen(gap, 200) == [(arriving, [2, 4])]
    assert seen(gap, 221) == [(incomplete, [2, 4])]
    assert seen([part(3, 1, last=True)], 200) == [(incomplete, [0, 1, 2])]
    assert seen([part(10**9, 1, last=True)], 200) == [(incomplete, list(range(100)))]


def test_what_is_whole_misses_nothing_and_each_run_of_a_number_is_shown_by_its_own_parts() -> None:
    [first] = completed([report()], [part(0, 1, last=True)])
    assert seen([], 500, [first]) == [(ReportState.WHOLE, [])]
    parts = [part(0, 1, last=True), part(1, 401)]
    assert seen(parts, 500, [report(at=400), first]) == [(ReportState.ARRIVING, [0, 2]), (ReportState.WHOLE, [])]
