"""Tries to sign in, in PostgreSQL: what all replicas of the service remember together."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.identity.sign_in import Tries
from services.driver.tables import SIGN_INS

_REMEMBERED = ("failures", "failure_time", "success_time")


class SqlSignInRepository:
    """Satisfies ports.SignInRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self, tries: Sequence[Tries]) -> Sequence[Tries]:
        return await self._remembered(tries, _of(tries))

    async def lock(self, tries: Sequence[Tries]) -> Sequence[Tries]:
        # In one order, so that two who lock the same never wait for each other in a ring.
        rows = [{"key": key, "failures": 0} for key in sorted(one.key for one in tries)]
        await self._connection.execute(insert(SIGN_INS).values(rows).on_conflict_do_nothing())
        return await self._remembered(tries, _of(tries).order_by(SIGN_INS.c.key).with_for_update())

    async def store(self, tries: Sequence[Tries]) -> None:
        rows = [{"key": one.key, **{name: getattr(one, name) for name in _REMEMBERED}} for one in tries]
        statement = insert(SIGN_INS).values(rows)
        remembered = {name: statement.excluded[name] for name in _REMEMBERED}
        await self._connection.execute(statement.on_conflict_do_update(constraint="sign_ins_pkey", set_=remembered))

    async def forget(self, failed_before: datetime, right_before: datetime, limit: int) -> int:
        columns = SIGN_INS.c
        is_calm = columns.failure_time.is_(None) | (columns.failure_time < failed_before)
        is_unproven = columns.success_time.is_(None) | (columns.success_time < right_before)
        old = select(columns.key).where(is_calm, is_unproven).limit(limit)
        gone = delete(SIGN_INS).where(columns.key.in_(old.with_for_update(skip_locked=True)))
        return (await self._connection.execute(gone)).rowcount

    async def _remembered(self, tries: Sequence[Tries], query: Select[Any]) -> Sequence[Tries]:
        rows = {row.key: row for row in await self._connection.execute(query)}
        return [_with(one, rows.get(one.key)) for one in tries]


def _of(tries: Sequence[Tries]) -> Select[Any]:
    return select(SIGN_INS).where(SIGN_INS.c.key.in_([one.key for one in tries]))


def _with(tries: Tries, row: Any) -> Tries:
    return tries if row is None else replace(tries, **{name: row._mapping[name] for name in _REMEMBERED})
