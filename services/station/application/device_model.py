"""The device model: what events tell of variables is folded into what is known of them, in the unit of work that keeps
the events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.kernel.clock import Clock
from services.kernel.pagination import Page, PageRequest
from services.station.domain.cost_display import of_display, shown_currency
from services.station.domain.device_event import DeviceEvent
from services.station.domain.device_report import (
    NO_REQUEST,
    ArrivedPart,
    DeviceReport,
    ReportRequest,
    Scope,
    SeenReport,
    VariableReport,
    completed,
    seen_reports,
)
from services.station.domain.device_variable import (
    DeviceVariable,
    DeviceVariableFilter,
    Observation,
    SeenVariable,
    Telling,
    VariableChange,
    VariableChangeFilter,
    folded,
)
from services.station.ports import UnitOfWork, UnitsOfWork


class DeviceModel:
    """The use cases of variables. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def page(self, narrowing: DeviceVariableFilter, page: PageRequest) -> Page[SeenVariable]:
        """One page of variables of a charge point by component and name."""
        async with self._units_of_work.reading() as work:
            return await work.device_variables.page(narrowing, page)

    async def changes(self, narrowing: VariableChangeFilter, page: PageRequest) -> Page[VariableChange]:
        """One page of the changes of a variable, the latest first."""
        async with self._units_of_work.reading() as work:
            return await work.device_variables.changes(narrowing, page)

    async def reports(self, charge_point_id: str, page: PageRequest) -> Page[SeenReport]:
        """One page of the reports that a charge point was asked for, the latest first."""
        async with self._units_of_work.reading() as work:
            found = await work.device_reports.page(charge_point_id, page)
            numbers = {report.request.request_id for report in found.items if report.time is None}
            parts = await work.device_reports.parts_of(charge_point_id, numbers) if numbers else ()
        shown = list(seen_reports(found.items, parts, self._clock.now()))
        return Page(shown, found.next_token, found.total_size)


@dataclass(frozen=True, slots=True)
class _Reported:
    """A message that tells of variables."""

    event: DeviceEvent
    report: VariableReport
    telling: Telling


async def fold(work: UnitOfWork, events: Sequence[DeviceEvent]) -> None:
    """Take in what events tell of the device model that were not kept before. Of any order, and idempotent."""
    reported = [
        _Reported(event, event.body, _telling(event)) for event in events if isinstance(event.body, VariableReport)
    ]
    asked = [(event, event.body) for event in events if isinstance(event.body, ReportRequest)]
    if not reported and not asked:
        return
    # What is known is read and written back: one after the other for each charge point.
    await work.device_variables.lock({event.charge_point_id for event in events if event.body is not None})
    observations = [one for message in reported for one in _observations(message)]
    if observations:
        known = await work.device_variables.known({one.variable_id: one.charge_point_id for one in observations})
        after, changes = folded(known, observations)
        await work.device_variables.store(after, changes, are_known=after.keys() <= known.keys())
        await _note_cost_displays(work, after)
    parts = list(_parts(reported))
    reports = [*(DeviceReport(event.charge_point_id, request) for event, request in asked), *_inventories(reported)]
    if parts or reports:
        await work.device_reports.add(reports, parts)
        waiting, arrived = await work.device_reports.waiting(
            {part.charge_point_id for part in parts} | {report.charge_point_id for report in reports}
        )
        await work.device_reports.complete(list(completed(waiting, arrived)))


async def _note_cost_displays(work: UnitOfWork, variables: Mapping[str, DeviceVariable]) -> None:
    """Keep with charge points what their variables say of the costs that they show."""
    saying = {name: of_display(name) for name in {variable.charge_point_id for variable in variables.values()}}
    changed = {name: ids for name, ids in saying.items() if not variables.keys().isdisjoint(ids)}
    if changed:
        known = await work.device_variables.known({one: name for name, ids in changed.items() for one in ids})
        await work.charge_points.note_cost_currencies(
            {name: shown_currency(*map(known.get, ids)) for name, ids in changed.items()}
        )


def _telling(event: DeviceEvent) -> Telling:
    """When it was told. A clock that is ahead, and not by so much that the edge corrects it, must not outlive what is
    told a moment later."""
    return Telling(min(event.time, event.received_time), event.received_time, event.id)


def _observations(message: _Reported) -> Iterator[Observation]:
    event = message.event
    for reported in message.report.variables:
        yield Observation(event.charge_point_id, reported, message.telling, event.action)


def _parts(reported: Sequence[_Reported]) -> Iterator[ArrivedPart]:
    for message in reported:
        if (part := message.report.part) is not None:
            event = message.event
            yield ArrivedPart(event.charge_point_id, part, message.telling.time, event.received_time)


def _inventories(reported: Sequence[_Reported]) -> Iterator[DeviceReport]:
    """Those that are whole in one answer."""
    for message in reported:
        if message.report.is_whole_inventory:
            time = message.telling.time
            request = ReportRequest(NO_REQUEST, Scope.FULL_INVENTORY, "", message.event.received_time)
            yield DeviceReport(message.event.charge_point_id, request, time)
