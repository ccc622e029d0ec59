"""Command campaigns in PostgreSQL, with the charge points that wait for their command."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import names_of, text_array
from services.transaction.domain.campaign import Campaign, CampaignState, Selection
from services.transaction.domain.command import Command, CommandPriority, CommandState
from services.transaction.sql.commands import command_of
from services.transaction.tables import CAMPAIGN_TARGETS, COMMAND_CAMPAIGNS, COMMANDS

_NAMES = names_of(COMMAND_CAMPAIGNS.c)

_ADD_TARGETS = text(
    "INSERT INTO campaign_targets (campaign_id, charge_point_id)"
    " SELECT DISTINCT CAST(:campaign_id AS uuid), id FROM unnest(CAST(:ids AS text[])) AS id ON CONFLICT DO NOTHING"
)
# Whoever holds the campaign is alone with its charge points.
_TAKE_TARGETS = text(
    "DELETE FROM campaign_targets WHERE campaign_id = CAST(:campaign_id AS uuid) AND charge_point_id IN"
    " (SELECT charge_point_id FROM campaign_targets WHERE campaign_id = CAST(:campaign_id AS uuid)"
    " ORDER BY charge_point_id LIMIT :count) RETURNING charge_point_id"
)
_LOCK_PACE = text("SELECT pg_advisory_xact_lock(hashtextextended('command campaigns', 0))")
_OPEN = (CommandState.QUEUED, CommandState.SENT)


class SqlCampaignRepository:
    """Satisfies ports.CampaignRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, campaign: Campaign) -> None:
        await self._connection.execute(insert(COMMAND_CAMPAIGNS).values(asdict(campaign)))

    async def replace(self, campaign: Campaign) -> None:
        columns = COMMAND_CAMPAIGNS.c
        await self._connection.execute(
            update(COMMAND_CAMPAIGNS).where(columns.id == campaign.id).values(asdict(campaign))
        )

    async def find(self, campaign_id: str, *, for_update: bool = False) -> Campaign | None:
        if not is_id(campaign_id):
            return None
        query = select(COMMAND_CAMPAIGNS).where(COMMAND_CAMPAIGNS.c.id == campaign_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _campaign(row)

    async def page(self, state: CampaignState | None, page: PageRequest) -> Page[Campaign]:
        columns = COMMAND_CAMPAIGNS.c
        query = select(COMMAND_CAMPAIGNS)
        if state is not None:
            query = query.where(columns.state == state)
        rows = await fetch_page(
            self._connection, query, (columns.id,), page=page, descending=True, count_up_to=COUNTED_UP_TO
        )
        return rows.map(_campaign)

    async def open(self, limit: int) -> Sequence[Campaign]:
        columns = COMMAND_CAMPAIGNS.c
        is_idle = and_(columns.state == CampaignState.PAUSED, columns.select_time.is_not(None))
        query = select(COMMAND_CAMPAIGNS).where(columns.end_time.is_(None), ~is_idle)
        rows = await self._connection.execute(query.order_by(columns.update_time).limit(limit))
        return [_campaign(row) for row in rows]

    async def counts(self, campaign_id: str) -> Mapping[CommandState, int]:
        columns = COMMANDS.c
        query = select(columns.state, func.count()).where(columns.campaign_id == campaign_id).group_by(columns.state)
        return {CommandState(state): count for state, count in await self._connection.execute(query)}

    async def add_targets(self, campaign_id: str, charge_point_ids: Sequence[str]) -> int:
        parameters = {"campaign_id": campaign_id, "ids": text_array(charge_point_ids)}
        return (await self._connection.execute(_ADD_TARGETS, parameters)).rowcount

    async def take_targets(self, campaign_id: str, count: int) -> Sequence[str]:
        parameters = {"campaign_id": campaign_id, "count": count}
        return sorted((await self._connection.scalars(_TAKE_TARGETS, parameters)).all())

    async def forget_targets(self, campaign_id: str) -> None:
        await self._connection.execute(delete(CAMPAIGN_TARGETS).where(CAMPAIGN_TARGETS.c.campaign_id == campaign_id))

    async def lock_pace(self) -> None:
        await self._connection.execute(_LOCK_PACE)

    async def in_flight(self, now: datetime) -> Mapping[str, int]:
        columns = COMMANDS.c
        is_due = or_(columns.delivery_time.is_(None), columns.delivery_time <= now)
        query = select(columns.campaign_id, func.count()).where(_is_open(), is_due).group_by(columns.campaign_id)
        return {campaign_id: count for campaign_id, count in await self._connection.execute(query)}

    async def has_open_commands(self, campaign_id: str) -> bool:
        is_one = exists().where(_is_open(), COMMANDS.c.campaign_id == campaign_id)
        return bool(await self._connection.scalar(select(is_one)))

    async def queued(self, campaign_id: str, limit: int) -> Sequence[Command]:
        columns = COMMANDS.c
        query = select(COMMANDS).where(columns.campaign_id == campaign_id, columns.state == CommandState.QUEUED)
        rows = await self._connection.execute(query.order_by(columns.id).limit(limit).with_for_update(skip_locked=True))
        return [command_of(row) for row in rows]


def _is_open() -> ColumnElement[bool]:
    """As its index says."""
    return text("commands.campaign_id IS NOT NULL AND commands.state IN ('QUEUED', 'SENT')")  # type: ignore[return-value]


def _campaign(row: Row[Any]) -> Campaign:
    fields = row._mapping
    selection = dict(fields["selection"])
    selection["charge_point_ids"] = tuple(selection["charge_point_ids"])
    return Campaign(
        **{
            **{name: fields[name] for name in _NAMES},
            "selection": Selection(**selection),
            "priority": CommandPriority(fields["priority"]),
            "state": CampaignState(fields["state"]),
        }
    )
