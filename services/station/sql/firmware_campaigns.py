"""Firmware campaigns and their charge points in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, and_, cast, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import fetch_page
from services.station.domain.connector import ConnectorStatus
from services.station.domain.file_job import FileJobKind, FileJobState
from services.station.domain.firmware_campaign import (
    IN_FLIGHT,
    CampaignState,
    FirmwareCampaign,
    Selection,
    Sight,
    Target,
    TargetState,
)
from services.station.tables import (
    CHARGE_POINTS,
    CONNECTIONS,
    CONNECTORS,
    FILE_JOBS,
    FIRMWARE_CAMPAIGN_TARGETS,
    FIRMWARE_CAMPAIGNS,
)

_CAMPAIGNS, _TARGETS = FIRMWARE_CAMPAIGNS.c, FIRMWARE_CAMPAIGN_TARGETS.c
# Of nobody's use; one of which nothing was heard is left alone by nobody either.
_IDLE = (ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED)
_AT_POINT = CONNECTORS.c.charge_point_id == _TARGETS.charge_point_id
_IS_BUSY = exists().where(_AT_POINT, CONNECTORS.c.status.not_in(_IDLE))
_IS_FAULTED = exists().where(_AT_POINT, CONNECTORS.c.status == ConnectorStatus.FAULTED)
# The update that the campaign asked for; beside it, whether there is any.
_OWN_JOB = FILE_JOBS.alias("own_job")
_IS_UPDATING = exists().where(
    FILE_JOBS.c.charge_point_id == _TARGETS.charge_point_id,
    FILE_JOBS.c.kind == FileJobKind.UPDATE_FIRMWARE,
    FILE_JOBS.c.end_time.is_(None),
)


_IS_ONLINE = and_(CONNECTIONS.c.charge_point_id.is_not(None), CONNECTIONS.c.close_time.is_(None))
_IS_READY = and_(_IS_ONLINE, ~_IS_BUSY, ~_IS_FAULTED, ~_IS_UPDATING)


class SqlFirmwareCampaignRepository:
    """Satisfies ports.FirmwareCampaignRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, campaign: FirmwareCampaign, targets: Sequence[Target]) -> None:
        await self._connection.execute(insert(FIRMWARE_CAMPAIGNS).values(asdict(campaign)))
        if targets:
            await self._connection.execute(insert(FIRMWARE_CAMPAIGN_TARGETS), [asdict(target) for target in targets])

    async def find(self, campaign_id: str, *, for_update: bool = False) -> FirmwareCampaign | None:
        if not is_id(campaign_id):
            return None
        query = select(FIRMWARE_CAMPAIGNS).where(_CAMPAIGNS.id == campaign_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _campaign(row)

    async def claim(self, campaign_id: str) -> FirmwareCampaign | None:
        is_one = and_(_CAMPAIGNS.id == campaign_id, _CAMPAIGNS.end_time.is_(None))
        query = select(FIRMWARE_CAMPAIGNS).where(is_one).with_for_update(skip_locked=True)
        row = (await self._connection.execute(query)).first()
        return None if row is None else _campaign(row)

    async def not_over(self) -> Sequence[FirmwareCampaign]:
        query = select(FIRMWARE_CAMPAIGNS).where(_CAMPAIGNS.end_time.is_(None)).order_by(_CAMPAIGNS.id)
        return [_campaign(row) for row in await self._connection.execute(query)]

    async def replace(self, campaign: FirmwareCampaign) -> None:
        statement = update(FIRMWARE_CAMPAIGNS).where(_CAMPAIGNS.id == campaign.id)
        await self._connection.execute(statement.values(asdict(campaign)))

    async def page(self, state: CampaignState | None, page: PageRequest) -> Page[FirmwareCampaign]:
        query = select(FIRMWARE_CAMPAIGNS)
        if state is not None:
            query = query.where(_CAMPAIGNS.state == state)
        return (await fetch_page(self._connection, query, (_CAMPAIGNS.id,), page=page, descending=True)).map(_campaign)

    async def targets(self, campaign_id: str, state: TargetState | None, page: PageRequest) -> Page[Target]:
        query = select(FIRMWARE_CAMPAIGN_TARGETS).where(_TARGETS.campaign_id == campaign_id)
        if state is not None:
            query = query.where(_TARGETS.state == state)
        return (await fetch_page(self._connection, query, (_TARGETS.wave, _TARGETS.charge_point_id), page=page)).map(
            _target
        )

    async def target(self, campaign_id: str, charge_point_id: str) -> Target | None:
        is_one = and_(_TARGETS.campaign_id == campaign_id, _TARGETS.charge_point_id == charge_point_id)
        row = (
            await self._connection.execute(select(FIRMWARE_CAMPAIGN_TARGETS).where(is_one).with_for_update())
        ).first()
        return None if row is None else _target(row)

    async def replace_targets(self, targets: Sequence[Target]) -> None:
        for target in targets:
            is_one = and_(
                _TARGETS.campaign_id == target.campaign_id,
                _TARGETS.wave == target.wave,
                _TARGETS.charge_point_id == target.charge_point_id,
            )
            await self._connection.execute(update(FIRMWARE_CAMPAIGN_TARGETS).where(is_one).values(asdict(target)))

    async def counts(self, campaign_id: str, wave: int | None = None) -> Mapping[TargetState, int]:
        query = select(_TARGETS.state, func.count()).where(_TARGETS.campaign_id == campaign_id)
        if wave is not None:
            # What is under way of a wave that was left counts where it is.
            query = query.where(_TARGETS.wave == wave)
        rows = await self._connection.execute(query.group_by(_TARGETS.state))
        return {TargetState(state): count for state, count in rows}

    async def counts_of(self, campaign_ids: Sequence[str]) -> Mapping[str, Mapping[TargetState, int]]:
        query = select(_TARGETS.campaign_id, _TARGETS.state, func.count()).where(_TARGETS.campaign_id.in_(campaign_ids))
        counts: dict[str, dict[TargetState, int]] = {}
        rows = await self._connection.execute(query.group_by(_TARGETS.campaign_id, _TARGETS.state))
        for campaign_id, state, count in rows:
            counts.setdefault(campaign_id, {})[TargetState(state)] = count
        return counts

    async def skip_waiting(self, campaign_id: str, reason: str, now: datetime) -> None:
        is_waiting = and_(_TARGETS.campaign_id == campaign_id, _TARGETS.state == TargetState.WAITING)
        skipped = {"state": TargetState.SKIPPED, "reason": reason, "update_time": now}
        await self._connection.execute(update(FIRMWARE_CAMPAIGN_TARGETS).where(is_waiting).values(skipped))

    async def sights(self, campaign: FirmwareCampaign, limit: int) -> Sequence[tuple[Target, Sight]]:
        waits_its_turn = and_(_TARGETS.state == TargetState.WAITING, _TARGETS.wave == campaign.wave)
        is_concerned = or_(_TARGETS.state.in_(IN_FLIGHT), waits_its_turn)
        query = (
            select(
                FIRMWARE_CAMPAIGN_TARGETS,
                _IS_ONLINE.label("is_online"),
                CHARGE_POINTS.c.boot_time,
                CHARGE_POINTS.c.firmware_version,
                _IS_BUSY.label("is_busy"),
                _IS_FAULTED.label("is_faulted"),
                _IS_UPDATING.label("is_updating"),
                _OWN_JOB.c.state.label("job_state"),
                _OWN_JOB.c.error.label("job_error"),
                _OWN_JOB.c.status.label("job_status"),
            )
            .select_from(
                FIRMWARE_CAMPAIGN_TARGETS.outerjoin(CHARGE_POINTS, CHARGE_POINTS.c.id == _TARGETS.charge_point_id)
                .outerjoin(CONNECTIONS, CONNECTIONS.c.charge_point_id == _TARGETS.charge_point_id)
                .outerjoin(
                    _OWN_JOB,
                    and_(
                        _OWN_JOB.c.charge_point_id == _TARGETS.charge_point_id,
                        cast(_OWN_JOB.c.id, Text) == _TARGETS.command_id,
                    ),
                )
            )
            .where(_TARGETS.campaign_id == campaign.id, is_concerned)
        )
        # Those under way are few, and decide about the others; those that can be asked must not wait behind those that
        # cannot.
        order = (_TARGETS.state == TargetState.WAITING, ~_IS_READY, _TARGETS.charge_point_id)
        rows = await self._connection.execute(
            query.order_by(*order).limit(limit).with_for_update(of=FIRMWARE_CAMPAIGN_TARGETS)
        )
        return [(_target(row), _sight(row)) for row in rows]


def _campaign(row: Row[Any]) -> FirmwareCampaign:
    fields = {name: row._mapping[name] for name in FirmwareCampaign.__slots__}
    said = fields["selection"]
    known = {name: said[name] for name in Selection.__slots__ if name in said}
    known["charge_point_ids"] = tuple(known.get("charge_point_ids", ()))
    return FirmwareCampaign(**{**fields, "selection": Selection(**known), "state": CampaignState(fields["state"])})


def _target(row: Row[Any]) -> Target:
    fields = {name: row._mapping[name] for name in Target.__slots__}
    return Target(**{**fields, "state": TargetState(fields["state"])})


def _sight(row: Row[Any]) -> Sight:
    fields = row._mapping
    boot_time: datetime | None = fields["boot_time"]
    state = fields["job_state"]
    return Sight(
        is_online=bool(fields["is_online"]),
        boot_time=boot_time,
        firmware_version=fields["firmware_version"] or "",
        is_busy=fields["is_busy"],
        is_faulted=fields["is_faulted"],
        is_updating=fields["is_updating"],
        job_state=None if state is None else FileJobState(state),
        job_error=fields["job_error"] or fields["job_status"] or "",
    )
