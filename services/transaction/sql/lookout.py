"""What is to be looked at again: where transactions changed beside ends and readings that named none, and what is
open."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.transaction.domain.lookout import BEGINNING, Bookmark, Contest, Late, Suspect
from services.transaction.domain.matching import Span
from services.transaction.domain.places import LONGEST_TRANSACTION
from services.transaction.domain.ranks import ESTIMATE
from services.transaction.sql.meter_values import stand_in_ids
from services.transaction.sql.recording import CHARGE_POINT_LOCKS

_MICROSECOND = timedelta(microseconds=1)
# Transactions that changed where an end may be theirs, or theirs may be another's.
_DOUBTFUL = text("""
SELECT t.charge_point_id, min(t.begin_time), max(coalesce(t.stop_time, t.begin_time)), count(*), max(t.update_time)
FROM transactions AS t
WHERE t.update_time >= :since AND t.charge_point_id > :after AND EXISTS (
    SELECT FROM transactions AS loose
    WHERE loose.charge_point_id = t.charge_point_id AND loose.flags && '{orphan_stop,matched_stop}'::text[]
    AND loose.begin_time BETWEEN t.begin_time - :longest AND coalesce(t.stop_time, t.begin_time) + :longest
)
GROUP BY t.charge_point_id ORDER BY t.charge_point_id LIMIT :limit
""")
# Transactions that changed and were told of after they began, or only by readings: with those that began before at
# their place, and whether there are readings under a number of no transaction that may be theirs.
_LATE = text("""
WITH late AS MATERIALIZED (
    SELECT * FROM transactions AS t
    WHERE t.update_time >= :since AND (t.create_time - t.begin_time > interval '2 seconds' OR t.start_time IS NULL)
    AND (t.start_time IS NOT NULL OR t.state = 'ORPHAN' AND t.stop_time IS NULL)
), t AS MATERIALIZED (SELECT * FROM late WHERE id > CAST(:after AS uuid) ORDER BY id LIMIT :limit)
SELECT t.id::text, t.charge_point_id, t.evse_id, t.connector_id, t.begin_time,
    coalesce(t.stop_time, t.begin_time + :longest) AS end_time, before.ids AS before_ids,
    t.start_time IS NULL OR EXISTS (
        SELECT FROM transactions AS readings
        WHERE readings.charge_point_id = t.charge_point_id AND readings.state = 'ORPHAN' AND readings.stop_time IS NULL
        AND readings.begin_time BETWEEN t.begin_time AND coalesce(t.stop_time, t.begin_time + :longest)
    ) AS is_sure
FROM t CROSS JOIN LATERAL (
    SELECT array(
        SELECT b.id::text FROM transactions AS b
        WHERE b.charge_point_id = t.charge_point_id AND b.start_time IS NOT NULL
        AND b.begin_time < t.begin_time AND b.begin_time > t.begin_time - :longest
        AND CASE WHEN b.evse_id > 0 AND t.evse_id > 0 THEN b.evse_id = t.evse_id
            ELSE t.connector_id > 0 AND b.connector_id = t.connector_id END
        ORDER BY b.begin_time DESC LIMIT :looked_back
    ) AS ids
) AS before ORDER BY t.id
""")
_HAVE_READINGS = text("""
SELECT DISTINCT asked.number, asked.id::text FROM unnest(
    CAST(:numbers AS integer[]), CAST(:ids AS uuid[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])
) AS asked (number, id, begin_time, end_time)
WHERE EXISTS (
    SELECT FROM meter_values AS m
    WHERE m.transaction_id = asked.id AND m.sampled_time BETWEEN asked.begin_time AND asked.end_time
    AND m.sampled_time BETWEEN :begin AND :end
)
""")
# Ends that named none, in the order of their index, with what else they may mean: transactions that nobody has told the
# end of, where the end is matched already such as ran beside its own; and those that an end was matched with which came
# later or, beside the one it is matched with, may have been taken for it.
_CONTESTED = text("""
WITH loose AS MATERIALIZED (
    SELECT * FROM transactions AS t
    WHERE t.flags && '{orphan_stop,matched_stop}'::text[]
    AND (t.charge_point_id, t.begin_time, t.id)
        > (CAST(:charge_point_id AS text), CAST(:begin_time AS timestamptz), CAST(:id AS uuid))
    ORDER BY t.charge_point_id, t.begin_time, t.id LIMIT :limit
)
SELECT loose.id::text, loose.charge_point_id, loose.begin_time, coalesce(loose.stop_time, loose.begin_time) AS end_time,
    'several_ends' = ANY (loose.flags) AS has_several, others.number,
    greatest(loose.update_time, others.change_time) AS change_time
FROM loose CROSS JOIN LATERAL (
    SELECT count(*) AS number, max(o.update_time) AS change_time FROM transactions AS o
    WHERE o.charge_point_id = loose.charge_point_id AND o.id <> loose.id AND o.start_time IS NOT NULL
    AND o.begin_time BETWEEN loose.begin_time - :longest AND coalesce(loose.stop_time, loose.begin_time)
    AND CASE WHEN o.stop_rank = '' OR o.stop_rank >= :estimate
        THEN loose.start_time IS NULL OR o.stop_time IS NULL OR o.stop_time >= loose.begin_time
        ELSE o.flags && '{matched_stop}'::text[] AND o.stop_time > loose.begin_time END
) AS others
ORDER BY loose.charge_point_id, loose.begin_time, loose.id
""")
# A charge point that was away for long may begin with the last that it has kept back: then readings are with a
# transaction that began long before.
_LOOKED_BACK = 20
# A recorder holds the lock on a charge point before it looks at the clock; what it writes is seen when it is done.
_VISIBLE = text("""
SELECT least(now(), min(other.xact_start)) FROM pg_locks AS lock JOIN pg_stat_activity AS other USING (pid)
WHERE lock.locktype = 'advisory' AND lock.classid = :charge_points AND other.datname = current_database()
""")


async def visible_until(connection: AsyncConnection) -> datetime:
    """Until when all changes of transactions are visible, by the clock of the database."""
    found: datetime = (await connection.execute(_VISIBLE, {"charge_points": CHARGE_POINT_LOCKS})).scalar_one()
    return found


async def suspects(connection: AsyncConnection, since: datetime, after: str, limit: int) -> Sequence[Suspect]:
    """Charge points at which transactions changed since then beside ends that named none."""
    asked = {"since": since, "after": after, "limit": limit, "longest": LONGEST_TRANSACTION}
    rows = await connection.execute(_DOUBTFUL, asked)
    return [Suspect(name, Span(first, last), *changes) for name, first, last, *changes in rows]


async def late(connection: AsyncConnection, since: datetime, after: str, limit: int) -> tuple[Sequence[Late], str]:
    """Transactions that were told of late, changed since then, and may have readings elsewhere; and those that may have
    them."""
    asked = {
        "since": since,
        "after": after or BEGINNING.transaction_id,
        "limit": limit,
        "longest": LONGEST_TRANSACTION,
        "looked_back": _LOOKED_BACK,
    }
    rows = (await connection.execute(_LATE, asked)).all()
    holders = await _holders(connection, rows)
    found = [
        Late(row.charge_point_id, transaction_id, Span(row.begin_time, row.end_time))
        for number, row in enumerate(rows)
        if row.is_sure or number in holders
        for transaction_id in {row.id, *holders.get(number, set())}
    ]
    return found, rows[-1].id if len(rows) == limit else ""


async def contested(connection: AsyncConnection, after: Bookmark, limit: int) -> tuple[Sequence[Contest], Bookmark]:
    """Which of the next transactions with ends that named none may not be the ones that are meant."""
    names = ("charge_point_id", "begin_time", "id")
    asked = {
        **dict(zip(names, after, strict=True)),
        "limit": limit,
        "longest": LONGEST_TRANSACTION,
        "estimate": ESTIMATE,
    }
    rows = (await connection.execute(_CONTESTED, asked)).all()
    found = [
        Contest(row.charge_point_id, row.id, Span(row.begin_time, row.end_time), row.number, row.change_time)
        for row in rows
        if row.number or row.has_several
    ]
    is_last = len(rows) < limit
    return found, BEGINNING if is_last else Bookmark(*(getattr(rows[-1], name) for name in names))


async def _holders(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> Mapping[int, set[str]]:
    """By their numbers those `late` rows in whose time there are readings of their place elsewhere: where these are."""
    sources = [
        (number, source, begin, end)
        for number, row in enumerate(rows)
        if not row.is_sure
        for source, begin, end in _elsewhere(row)
    ]
    if not sources:
        return {}
    numbers, ids, begins, ends = (list(side) for side in zip(*sources, strict=True))
    # The bounds of all, once more: by them the partitions of other days are left out when it is planned.
    bounds = {"begin": min(begins), "end": max(ends)}
    asked = {"numbers": numbers, "ids": ids, "begins": begins, "ends": ends, **bounds}
    holders: defaultdict[int, set[str]] = defaultdict(set)
    for number, source in await connection.execute(_HAVE_READINGS, asked):
        holders[number].add(source)
    return holders


def _elsewhere(row: Row[Any]) -> Iterator[tuple[str, datetime, datetime]]:
    """Where readings of a late transaction may be kept, from when to when; and itself, for those after its end."""
    for stand_in in stand_in_ids(row.charge_point_id, row.evse_id, row.connector_id):
        yield stand_in, row.begin_time, row.end_time
    for before_id in row.before_ids:
        yield before_id, row.begin_time + _MICROSECOND, row.end_time
    yield row.id, row.end_time + _MICROSECOND, row.end_time + LONGEST_TRANSACTION
