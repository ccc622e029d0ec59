"""What reports of variables and of monitors have in common: how they are shown, and the parts that they come in."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.kernel.pagination import Page, PageRequest
from services.station.domain.device_event import DeviceEvent
from services.station.domain.device_report import ArrivedPart, ReportPart, SeenReport, seen_reports
from services.station.ports import DeviceReportRepository


async def shown(
    reports: DeviceReportRepository, charge_point_id: str, page: PageRequest, now: datetime
) -> Page[SeenReport]:
    """One page of the reports that a charge point was asked for, the latest first, with what is missing of them."""
    found = await reports.page(charge_point_id, page)
    numbers = {report.request.request_id for report in found.items if report.time is None}
    parts = await reports.parts_of(charge_point_id, numbers) if numbers else ()
    return Page(list(seen_reports(found.items, parts, now)), found.next_token, found.total_size)


def arrived(told: Iterable[tuple[DeviceEvent, ReportPart | None]]) -> Iterator[ArrivedPart]:
    """The parts of reports that events are, of those that are any."""
    for event, part in told:
        if part is not None:
            yield ArrivedPart(event.charge_point_id, part, event.telling.time, event.received_time)
