"""The device model: what events tell of variables is folded into what is known of them, in the unit of work that keeps
the events."""

from collections.abc import Iterator, Mapping, Sequence

from services.kernel.clock import Clock
from services.kernel.pagination import Page, PageRequest
from services.station.application import device_reports
from services.station.domain.cost_display import of_display, shown_currency
from services.station.domain.device_event import DeviceEvent
from services.station.domain.device_report import (
    NO_REQUEST,
    DeviceReport,
    ReportRequest,
    Scope,
    SeenReport,
    VariableReport,
    completed,
)
from services.station.domain.device_variable import (
    DeviceVariable,
    DeviceVariableFilter,
    Observation,
    SeenVariable,
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
            return await device_reports.shown(work.device_reports, charge_point_id, page, self._clock.now())


async def fold(work: UnitOfWork, events: Sequence[DeviceEvent]) -> None:
    """Take in what events tell of the device model that were not kept before. Of any order, and idempotent."""
    reported = [(event, event.body) for event in events if isinstance(event.body, VariableReport)]
    asked = [(event, event.body) for event in events if isinstance(event.body, ReportRequest)]
    if not reported and not asked:
        return
    # What is known is read and written back: one after the other for each charge point.
    await work.device_variables.lock({event.charge_point_id for event in events if event.body is not None})
    observations = [one for event, report in reported for one in _observations(event, report)]
    if observations:
        known = await work.device_variables.known({one.variable_id: one.charge_point_id for one in observations})
        after, changes = folded(known, observations)
        await work.device_variables.store(after, changes, are_known=after.keys() <= known.keys())
        await _note_cost_displays(work, after)
    parts = list(device_reports.arrived((event, report.part) for event, report in reported))
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


def _observations(event: DeviceEvent, report: VariableReport) -> Iterator[Observation]:
    telling = event.telling
    for reported in report.variables:
        yield Observation(event.charge_point_id, reported, telling, event.action)


def _inventories(reported: Sequence[tuple[DeviceEvent, VariableReport]]) -> Iterator[DeviceReport]:
    """Those that are whole in one answer."""
    for event, report in reported:
        if report.is_whole_inventory:
            request = ReportRequest(NO_REQUEST, Scope.FULL_INVENTORY, "", event.received_time)
            yield DeviceReport(event.charge_point_id, request, event.telling.time)
