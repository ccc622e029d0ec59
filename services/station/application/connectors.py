"""What can be done with connectors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, invalid, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.station.application.stations import lock_stations, publish_stations
from services.station.domain.batch import Changes
from services.station.domain.connection import holds
from services.station.domain.connector import (
    Connector,
    ConnectorKey,
    StatusReport,
    changed,
    confirms,
    is_of_evse,
    key_of,
    of_connectors,
    reported,
    shown,
    tells_news,
)
from services.station.domain.events import ConnectorAvailabilityChanged, ConnectorStatusChanged
from services.station.ports import ReportBatches, UnitsOfWork


class Connectors:
    """The use cases of connectors. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, batches: ReportBatches, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._batches = batches
        self._clock = clock

    async def page(self, station_id: str, page: PageRequest) -> Page[Connector]:
        """One page of a station's connectors by charge point, EVSE and number. Raises: STATION_NOT_FOUND."""
        async with self._units_of_work() as work:
            if await work.stations.find(station_id) is None:
                raise not_found("station", station_id)
            return await work.connectors.page(station_id, page)

    async def update(self, station_id: str, name: str, changes: Mapping[str, Any]) -> Connector:
        """Change the connector of a station with this id or OCPP number.

        Raises: STATION_NOT_FOUND, CONNECTOR_NOT_FOUND, INVALID_FIELD.
        """
        async with self._units_of_work() as work:
            stations = await lock_stations(work, [station_id])
            before = _only(await work.connectors.named(station_id, name), name)
            after = changed(before, changes)
            await work.connectors.store([after])
            if before.availability is not after.availability:
                await work.publish([ConnectorAvailabilityChanged(connector=after)])
            await publish_stations(work, stations)
            return after

    async def report(self, reports: Sequence[StatusReport]) -> list[DomainError | None]:
        """Take in status reports; for each, why it was refused, or None. Unknown connectors are made.

        What is told of an EVSE is told of its connectors, see `of_connectors`.

        A report from a connection that is not the newest is refused with STALE_EPOCH. Idempotent.
        """
        async with self._batches() as batch:
            known = await batch.places({report.charge_point_id for report in reports}, set(map(key_of, reports)))
            newest, connectors = known.newest, dict(known.connectors)
            changes: dict[ConnectorKey, Connector] = {}
            news = []
            current = [report for report in reports if holds(newest.get(report.charge_point_id), report.epoch)]
            for report in _reports_of_connectors(current, connectors):
                key = key_of(report)
                before = connectors.get(key) or _unseen(report, known.station_ids[report.charge_point_id])
                after = reported(before, report)
                if after is not before:
                    connectors[key] = changes[key] = after
                boot_time = known.boot_times[report.charge_point_id]
                tenant_id = known.tenant_ids[report.charge_point_id]
                if tells_news(before, after):
                    news.append(_news(before, after, report, boot_time, tenant_id))
                elif confirms(report, before, boot_time):
                    change = _news(before, shown(after, report), report, boot_time, tenant_id)
                    news.append(replace(change, is_confirmed=True))
            await batch.commit(Changes(time=self._clock.now(), connectors=changes.values(), events=news))
        return [
            None if holds(newest.get(report.charge_point_id), report.epoch) else stale_epoch(report.charge_point_id)
            for report in reports
        ]


def stale_epoch(charge_point_id: str) -> DomainError:
    """The refusal of anything that comes from a connection which is not the newest."""
    return DomainError(
        ErrorKind.CONFLICT, "STALE_EPOCH", f"charge point {charge_point_id} has a newer connection, or none"
    )


def _reports_of_connectors(
    reports: Sequence[StatusReport], known: Mapping[ConnectorKey, Connector]
) -> Iterator[StatusReport]:
    for report in reports:
        if not is_of_evse(key_of(report)):
            yield report
            continue
        place = key_of(report)[:2]
        yield from of_connectors(report, [plug for key, plug in known.items() if key[:2] == place and key[2] > 0])


def _unseen(report: StatusReport, station_id: str | None) -> Connector:
    return Connector(
        id=new_id(),
        charge_point_id=report.charge_point_id,
        evse_id=report.evse_id,
        connector_id=report.connector_id,
        station_id=station_id,
    )


def _news(
    before: Connector, after: Connector, report: StatusReport, boot_time: datetime | None, tenant_id: str
) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        connector=after,
        previous_status=before.status,
        info=report.info,
        vendor_error_code=report.vendor_error_code,
        received_time=report.received_time,
        tenant_id=tenant_id,
        boot_time=boot_time,
    )


def _only(found: Sequence[Connector], name: str) -> Connector:
    if not found:
        raise not_found("connector", name)
    if len(found) > 1:
        raise invalid("connectorId", "several connectors of the station go by this number; give the connector's id")
    return found[0]
