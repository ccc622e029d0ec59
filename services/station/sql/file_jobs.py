"""File jobs in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Row, Text, cast, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.station.domain.file_job import FileJob, FileJobFilter, FileJobKind, FileJobState
from services.station.tables import CHARGE_POINTS, FILE_JOBS

_COLUMNS = FILE_JOBS.c
_IS_OPEN = _COLUMNS.end_time.is_(None)
# Of a charge point: what it tells is about one of its last.
_LATEST = 10


class SqlFileJobRepository:
    """Satisfies ports.FileJobRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: FileJobFilter, page: PageRequest) -> Page[FileJob]:
        query = select(FILE_JOBS).where(_COLUMNS.charge_point_id == narrowing.charge_point_id)
        if narrowing.kind is not None:
            query = query.where(_COLUMNS.kind == narrowing.kind)
        if narrowing.state is not None:
            query = query.where(_COLUMNS.state == narrowing.state)
        key = (_COLUMNS.create_time, _COLUMNS.id)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        return rows.map(_job)

    async def find(self, job_id: str, *, for_update: bool = False) -> FileJob | None:
        if not is_id(job_id):
            return None
        query = select(FILE_JOBS).where(_COLUMNS.id == job_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _job(row)

    async def add(self, job: FileJob) -> None:
        await self._connection.execute(insert(FILE_JOBS).values(asdict(job)))

    async def replace(self, jobs: Sequence[FileJob]) -> None:
        for job in jobs:
            await self._connection.execute(update(FILE_JOBS).where(_COLUMNS.id == job.id).values(asdict(job)))

    async def latest(self, charge_point_ids: Sequence[str]) -> Sequence[FileJob]:
        names = select(func.unnest(cast(list(charge_point_ids), ARRAY(Text))).label("name")).subquery()
        newest = (
            select(_COLUMNS.id)
            .where(_COLUMNS.charge_point_id == names.c.name)
            .order_by(_COLUMNS.create_time.desc(), _COLUMNS.id.desc())
            .limit(_LATEST)
            .lateral()
        )
        ids = select(newest.c.id).select_from(names.join(newest, true()))
        # In one order, so that two never wait for each other in a circle.
        query = select(FILE_JOBS).where(_COLUMNS.id.in_(ids)).order_by(_COLUMNS.id).with_for_update()
        return [_job(row) for row in await self._connection.execute(query)]

    async def of_file(self, file_id: str) -> Sequence[FileJob]:
        query = select(FILE_JOBS).where(_COLUMNS.file_id == file_id, _COLUMNS.kind == FileJobKind.GET_LOG)
        return [_job(row) for row in await self._connection.execute(query.order_by(_COLUMNS.id).with_for_update())]

    async def booted(self, limit: int) -> Sequence[FileJob]:
        is_wanted = or_(
            _COLUMNS.version == "", func.lower(_COLUMNS.version) == func.lower(CHARGE_POINTS.c.firmware_version)
        )
        query = (
            select(FILE_JOBS)
            .join(CHARGE_POINTS, CHARGE_POINTS.c.id == _COLUMNS.charge_point_id)
            .where(_IS_OPEN, _COLUMNS.kind == FileJobKind.UPDATE_FIRMWARE)
            .where(CHARGE_POINTS.c.firmware_change_time > _COLUMNS.create_time, is_wanted)
        )
        return await self._some(query, limit)

    async def silent(self, now: datetime, limit: int) -> Sequence[FileJob]:
        return await self._some(select(FILE_JOBS).where(_IS_OPEN, _COLUMNS.expire_time < now), limit)

    async def _some(self, query: Any, limit: int) -> Sequence[FileJob]:
        """What others have locked is left to them."""
        locked = query.order_by(_COLUMNS.id).limit(limit).with_for_update(of=FILE_JOBS, skip_locked=True)
        return [_job(row) for row in await self._connection.execute(locked)]


def _job(row: Row[Any]) -> FileJob:
    fields = {name: row._mapping[name] for name in FileJob.__slots__}
    return FileJob(**{**fields, "kind": FileJobKind(fields["kind"]), "state": FileJobState(fields["state"])})
