"""Configuration templates, and what their pushes have to do yet, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.database import bare
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of
from services.station.domain.configuration_template import (
    MOST_TEMPLATES,
    ConfigurationTemplate,
    Reboot,
    TemplateSetting,
)
from services.station.domain.device_variable import AttributeType, Place
from services.station.ports import WantedReboot
from services.station.tables import CONFIGURATION_PUSHES, CONFIGURATION_REBOOTS, CONFIGURATION_TEMPLATES

_COLUMNS = CONFIGURATION_TEMPLATES.c
_NAMES = names_of(_COLUMNS)

_HOLD = b"SELECT pg_advisory_xact_lock(hashtextextended('configuration pushes', 8))"
_WAIT = b"SELECT pg_advisory_xact_lock_shared(hashtextextended('configuration pushes', 8))"


class SqlConfigurationTemplateRepository:
    """Satisfies ports.ConfigurationTemplateRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, page: PageRequest) -> Page[ConfigurationTemplate]:
        key = (_COLUMNS.create_time, _COLUMNS.id)
        return (
            await fetch_page(self._connection, select(CONFIGURATION_TEMPLATES), key, page=page, descending=True)
        ).map(_template)

    async def all(self) -> Sequence[ConfigurationTemplate]:
        rows = await self._connection.execute(select(CONFIGURATION_TEMPLATES).limit(MOST_TEMPLATES))
        return [_template(row) for row in rows]

    async def find(self, template_id: str, *, for_update: bool = False) -> ConfigurationTemplate | None:
        if not is_id(template_id):
            return None
        query = select(CONFIGURATION_TEMPLATES).where(_COLUMNS.id == template_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _template(row)

    async def add(self, template: ConfigurationTemplate) -> None:
        await self._connection.execute(insert(CONFIGURATION_TEMPLATES).values(_row(template)))

    async def replace(self, template: ConfigurationTemplate) -> None:
        query = update(CONFIGURATION_TEMPLATES).where(_COLUMNS.id == template.id)
        await self._connection.execute(query.values(_row(template)))

    async def remove(self, template_id: str) -> None:
        await self._connection.execute(delete(CONFIGURATION_TEMPLATES).where(_COLUMNS.id == template_id))

    async def hold_pushes(self) -> None:
        await (await bare(self._connection)).execute(_HOLD)

    async def note_push(self, campaign_id: str, reboot: Reboot, now: datetime) -> None:
        row = {"campaign_id": campaign_id, "reboot": reboot, "create_time": now}
        await self._connection.execute(upsert(CONFIGURATION_PUSHES).values(row).on_conflict_do_nothing())

    async def reboot_after(self, campaign_id: str) -> Reboot:
        await (await bare(self._connection)).execute(_WAIT)
        query = select(CONFIGURATION_PUSHES.c.reboot).where(CONFIGURATION_PUSHES.c.campaign_id == campaign_id)
        found = (await self._connection.execute(query)).scalar_one_or_none()
        return Reboot.NEVER if found is None else Reboot(found)

    async def want_reboot(self, wanted: WantedReboot) -> None:
        statement = upsert(CONFIGURATION_REBOOTS).values(wanted._asdict())
        changed = {name: statement.excluded[name] for name in ("reboot", "command_id", "create_time")}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["charge_point_id"], set_=changed)
        )

    async def wanted_reboots(self, since: datetime) -> Sequence[WantedReboot]:
        columns = CONFIGURATION_REBOOTS.c
        await self._connection.execute(delete(CONFIGURATION_REBOOTS).where(columns.create_time < since))
        await self._connection.execute(delete(CONFIGURATION_PUSHES).where(CONFIGURATION_PUSHES.c.create_time < since))
        query = select(CONFIGURATION_REBOOTS).order_by(columns.create_time).limit(100)
        rows = await self._connection.execute(query)
        return [WantedReboot(**{**row._mapping, "reboot": Reboot(row._mapping["reboot"])}) for row in rows]

    async def end_reboot(self, wanted: WantedReboot) -> None:
        columns = CONFIGURATION_REBOOTS.c
        is_it = (columns.charge_point_id == wanted.charge_point_id, columns.command_id == wanted.command_id)
        await self._connection.execute(delete(CONFIGURATION_REBOOTS).where(*is_it))


def _row(template: ConfigurationTemplate) -> dict[str, Any]:
    settings = [{**setting.place._asdict(), "value": setting.value} for setting in template.settings]
    return {**{name: value for name, value in asdict(template).items() if name != "settings"}, "settings": settings}


def _template(row: Row[Any]) -> ConfigurationTemplate:
    fields: dict[str, Any] = {name: row._mapping[name] for name in _NAMES}
    fields["settings"] = tuple(map(_setting, fields["settings"]))
    fields["reboot"] = Reboot(fields["reboot"])
    return ConfigurationTemplate(**fields)


def _setting(stored: Mapping[str, Any]) -> TemplateSetting:
    names = {name: stored[name] for name in Place._fields}
    place = Place(**{**names, "attribute_type": AttributeType(names["attribute_type"])})
    return TemplateSetting(place, stored["value"])
