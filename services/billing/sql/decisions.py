"""Decisions of persons about charging sessions in PostgreSQL: added, never changed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.charging_session import SessionState
from services.billing.domain.decision import Decision, DecisionFilter, Figures
from services.billing.domain.remarks import DecisionKind
from services.billing.sql.remarks import money_of_json, money_to_json
from services.billing.tables import SESSION_DECISIONS
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO, fetch_page


class SqlDecisionRepository:
    """Satisfies ports.DecisionRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: DecisionFilter, page: PageRequest) -> Page[Decision]:
        query = select(SESSION_DECISIONS).where(*_conditions(narrowing))
        rows = await fetch_page(
            self._connection, query, (SESSION_DECISIONS.c.id,), page=page, descending=True, count_up_to=COUNTED_UP_TO
        )
        return rows.map(_decision)

    async def add(self, decision: Decision) -> None:
        figures = {name: _figures_to_json(getattr(decision, name)) for name in ("before", "after")}
        await self._connection.execute(insert(SESSION_DECISIONS).values({**decision._asdict(), **figures}))


def _conditions(narrowing: DecisionFilter) -> Iterator[ColumnElement[bool]]:
    columns = SESSION_DECISIONS.c
    if requested := narrowing.charging_session_id:
        yield columns.charging_session_id == requested if is_id(requested) else columns.id.is_(None)
    if narrowing.kind:
        yield columns.kind == narrowing.kind
    if narrowing.decided_by:
        yield columns.decided_by == narrowing.decided_by
    if narrowing.create_time_from:
        yield columns.create_time >= narrowing.create_time_from
    if narrowing.create_time_to:
        yield columns.create_time < narrowing.create_time_to


def _figures_to_json(figures: Figures) -> dict[str, Any]:
    return {
        **figures._asdict(),
        "start_time": figures.start_time.isoformat(),
        "end_time": figures.end_time and figures.end_time.isoformat(),
        "cost": money_to_json(figures.cost),
    }


def _figures(stored: Mapping[str, Any]) -> Figures:
    return Figures(
        **{
            **stored,
            "state": SessionState(stored["state"]),
            "start_time": datetime.fromisoformat(stored["start_time"]),
            "end_time": stored["end_time"] and datetime.fromisoformat(stored["end_time"]),
            "cost": money_of_json(stored["cost"]),
        }
    )


def _decision(row: Row[Any]) -> Decision:
    fields = {name: getattr(row, name) for name in Decision._fields}
    return Decision(
        **{
            **fields,
            "kind": DecisionKind(row.kind),
            "before": _figures(row.before),
            "after": _figures(row.after),
        }
    )
