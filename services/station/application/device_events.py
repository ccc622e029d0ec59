"""What charge points notify of themselves: taking it in, each fact once, and showing it."""

from collections.abc import Awaitable, Callable, Sequence

from services.kernel.pagination import Page, PageRequest
from services.station.application import device_model, device_monitors, file_jobs
from services.station.domain.device_event import DeviceEvent, DeviceEventFilter
from services.station.domain.events import DeviceEventRecorded
from services.station.ports import UnitOfWork, UnitsOfWork

# What makes more of events than a record, each a file beside the table that it feeds.
Folds = Sequence[Callable[[UnitOfWork, Sequence[DeviceEvent]], Awaitable[None]]]
_FOLDS: Folds = (device_model.fold, file_jobs.fold)


class DeviceEvents:
    """The use cases of device events. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork) -> None:
        self._units_of_work = units_of_work

    async def record(self, events: Sequence[DeviceEvent]) -> list[None]:
        """Store events, those that are stored already not again, and tell of what somebody should look at who has that
        charge point in service."""
        if not events:
            return []
        async with self._units_of_work() as work:
            told = await device_monitors.with_severities(work, list({event.id: event for event in events}.values()))
            fresh = await work.device_events.record(told)
            for fold in _FOLDS:
                await fold(work, fresh)
            over = await device_monitors.fold(work, fresh)
            published = [event for event in (*fresh, *over) if event.is_published]
            if published:
                points = await work.charge_points.in_service({event.charge_point_id for event in published})
                # What nobody has taken in would tell anything.
                known = [event for event in published if event.charge_point_id in points]
                news = [DeviceEventRecorded(event=one, station_id=points[one.charge_point_id]) for one in known]
                await work.publish(news)
        return [None] * len(events)

    async def page(self, narrowing: DeviceEventFilter, page: PageRequest) -> Page[DeviceEvent]:
        """One page of events of a charge point, the latest first."""
        async with self._units_of_work.reading() as work:
            return await work.device_events.page(narrowing, page)
