"""Files and the links to them, in PostgreSQL. Their bytes are elsewhere."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.station.domain.stored_file import (
    Direction,
    FileFilter,
    FileLink,
    FilePurpose,
    FileState,
    Firmware,
    StoredFile,
)
from services.station.tables import FILE_LINKS, FILES

_COLUMNS = FILES.c


class SqlFileRepository:
    """Satisfies ports.FileRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: FileFilter, page: PageRequest) -> Page[StoredFile]:
        query = select(FILES)
        if narrowing.purpose is not None:
            query = query.where(_COLUMNS.purpose == narrowing.purpose)
        if narrowing.state is not None:
            query = query.where(_COLUMNS.state == narrowing.state)
        if narrowing.charge_point_id:
            query = query.where(_COLUMNS.charge_point_id == narrowing.charge_point_id)
        key = (_COLUMNS.create_time, _COLUMNS.id)
        rows = await fetch_page(self._connection, query, key, page=page, descending=True, count_up_to=COUNTED_UP_TO)
        return rows.map(file_of)

    async def find(self, file_id: str, *, for_update: bool = False) -> StoredFile | None:
        if not is_id(file_id):
            return None
        query = select(FILES).where(_COLUMNS.id == file_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else file_of(row)

    async def find_all(self, file_ids: Sequence[str]) -> Sequence[StoredFile]:
        rows = await self._connection.execute(select(FILES).where(_COLUMNS.id.in_(file_ids)))
        return [file_of(row) for row in rows]

    async def add(self, file: StoredFile) -> None:
        await self._connection.execute(insert(FILES).values(asdict(file)))

    async def replace(self, file: StoredFile) -> None:
        await self._connection.execute(update(FILES).where(_COLUMNS.id == file.id).values(asdict(file)))

    async def remove(self, file_id: str) -> None:
        await self._connection.execute(delete(FILES).where(_COLUMNS.id == file_id))

    async def add_link(self, link: FileLink) -> None:
        await self._connection.execute(insert(FILE_LINKS).values(asdict(link)))

    async def find_link(self, secret_hash: str) -> FileLink | None:
        query = select(FILE_LINKS).where(FILE_LINKS.c.secret_hash == secret_hash)
        row = (await self._connection.execute(query)).first()
        if row is None:
            return None
        fields = dict(row._mapping)
        return FileLink(**{**fields, "direction": Direction(fields["direction"])})

    async def forget_links(self, before: datetime) -> None:
        await self._connection.execute(delete(FILE_LINKS).where(FILE_LINKS.c.expire_time < before))

    async def to_forget(self, now: datetime, awaited_since: datetime, limit: int) -> Sequence[StoredFile]:
        is_old = _COLUMNS.delete_time < now
        never_came = and_(_COLUMNS.state == FileState.AWAITED, _COLUMNS.create_time < awaited_since)
        query = select(FILES).where(or_(is_old, never_came)).order_by(_COLUMNS.id).limit(limit)
        rows = await self._connection.execute(query.with_for_update(skip_locked=True))
        return [file_of(row) for row in rows]


def file_of(row: Row[Any]) -> StoredFile:
    """A row as the domain has it."""
    fields = {name: row._mapping[name] for name in StoredFile.__slots__}
    firmware = fields["firmware"]
    fields |= {"purpose": FilePurpose(fields["purpose"]), "state": FileState(fields["state"])}
    # A newer release may have written more of it.
    known = None if firmware is None else {name: firmware[name] for name in Firmware.__slots__ if name in firmware}
    return StoredFile(**{**fields, "firmware": None if known is None else Firmware(**known)})
