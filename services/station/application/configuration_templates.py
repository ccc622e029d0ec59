"""What can be done with configuration templates: keeping them, comparing charge points with them, and having these set.

A drift is never stored: it is what templates and the variables that charge points have told make together, so that it
follows each of them at once.
"""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import invalid, not_found
from services.kernel.ids import derived_id, new_id
from services.kernel.pagination import Page, PageRequest, page_request
from services.station.domain.charge_point import ChargePoint, ChargePointFilter, ChargePointState
from services.station.domain.configuration_template import (
    MOST_TEMPLATES,
    ChargePointDrift,
    ConfigurationTemplate,
    DriftState,
    Reboot,
    desired,
    drift_of,
    replaced,
    validated,
)
from services.station.domain.device_variable import variable_id
from services.station.ports import Commands, Pace, UnitOfWork, UnitsOfWork

_AT_ONCE, _MOST_IN_A_CAMPAIGN = 250, 1000
_Settings = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """Whom to set, and how. Without `charge_point_ids` and `station_id` all that the template is for."""

    charge_point_ids: Sequence[str] = ()
    station_id: str = ""
    also_as_desired: bool = False
    pace: Pace
    dry_run: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What is done: the charge points that are to be set, and the campaigns that do it."""

    charge_point_ids: Sequence[str]
    campaign_ids: Sequence[str] = ()


class ConfigurationTemplates:
    """The use cases of templates."""

    def __init__(self, units_of_work: UnitsOfWork, commands: Commands, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._clock = clock

    async def page(self, page: PageRequest) -> Page[ConfigurationTemplate]:
        """One page of templates, the newest first."""
        async with self._units_of_work.reading() as work:
            return await work.configuration_templates.page(page)

    async def get(self, template_id: str) -> ConfigurationTemplate:
        """Raises: CONFIGURATION_TEMPLATE_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            return await _found(work, template_id)

    async def create(self, fields: Mapping[str, Any], request_id: str) -> ConfigurationTemplate:
        """Make a template. Idempotent by `request_id`. Raises: INVALID_FIELD."""
        now = self._clock.now()
        template = validated(ConfigurationTemplate(id=new_id(), **fields, create_time=now, update_time=now))
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, template.id)) != template.id:
                return await _found(work, made)
            if len(await work.configuration_templates.all()) >= MOST_TEMPLATES:
                raise invalid("template", f"there are {MOST_TEMPLATES} configuration templates already")
            await work.configuration_templates.add(template)
        return template

    async def replace(self, template_id: str, fields: Mapping[str, Any], etag: str) -> ConfigurationTemplate:
        """Raises: CONFIGURATION_TEMPLATE_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            before = await _found(work, template_id, for_update=True)
            after = replaced(before, ConfigurationTemplate(id="", **fields, create_time=now, update_time=now), etag)
            await work.configuration_templates.replace(after)
        return after

    async def delete(self, template_id: str) -> None:
        """Raises: CONFIGURATION_TEMPLATE_NOT_FOUND."""
        async with self._units_of_work() as work:
            await _found(work, template_id, for_update=True)
            await work.configuration_templates.remove(template_id)

    async def drift(self, charge_point_id: str) -> ChargePointDrift:
        """How a charge point stands to all templates that are for it. Raises: CHARGE_POINT_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            point = await work.charge_points.find(charge_point_id)
            if point is None:
                raise not_found("charge point", charge_point_id)
            [drift] = await _drifts(work, [point])
            return drift

    async def drift_page(self, template_id: str, page: PageRequest) -> Page[ChargePointDrift]:
        """One page of the charge points that a template is for, by identity, with those of its settings that count and
        are not as desired. Raises: CONFIGURATION_TEMPLATE_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            template = await _found(work, template_id)
            points = await work.charge_points.page(_for(template), page)
            drifts = await _drifts(work, points.items, template)
        return Page(drifts, points.next_token, points.total_size)

    async def push(self, template_id: str, options: PushOptions) -> Pushed:
        """Have charge points set as a template says.

        Raises: CONFIGURATION_TEMPLATE_NOT_FOUND, INVALID_FIELD, UNAVAILABLE.
        """
        template, chosen = await self._chosen(template_id, options)
        names = sorted(name for some in chosen.values() for name in some)
        if options.dry_run or not names:
            return Pushed(names)
        campaigns = []
        for position, (settings, some) in enumerate(_campaigns(chosen)):
            request_id = derived_id(options.request_id, template_id, position) if options.request_id else new_id()
            made = self._commands.change_settings(
                f"template {template.name}"[:200], settings, some, options.pace, request_id
            )
            campaigns.append(await (made if template.reboot is Reboot.NEVER else self._noted(made, template.reboot)))
        return Pushed(names, campaigns)

    async def _noted(self, made: Awaitable[str], reboot: Reboot) -> str:
        """A campaign, noted with the restarts that are to follow before any of its answers is looked at."""
        async with self._units_of_work() as work:
            await work.configuration_templates.hold_pushes()
            campaign_id = await made
            await work.configuration_templates.note_push(campaign_id, reboot, self._clock.now())
        return campaign_id

    async def _chosen(
        self, template_id: str, options: PushOptions
    ) -> tuple[ConfigurationTemplate, Mapping[_Settings, list[str]]]:
        """Who is to be set, by what to."""
        chosen: dict[_Settings, list[str]] = {}
        requested, token = set(options.charge_point_ids), ""
        while True:
            async with self._units_of_work.reading() as work:
                template = await _found(work, template_id)
                points = await work.charge_points.page(
                    _for(template, options.station_id), page_request(_AT_ONCE, token)
                )
                wanted = [point for point in points.items if not requested or point.id in requested]
                templates = await work.configuration_templates.all()
                drifts = await _drifts(work, wanted, template)
            for point, drift in zip(wanted, drifts, strict=True):
                settings = tuple(
                    (setting.call_key, setting.value)
                    for says, setting in desired(templates, point)
                    if says.id == template.id
                )
                if settings and (options.also_as_desired or drift.is_to_be_set):
                    chosen.setdefault(settings, []).append(point.id)
            if not points.next_token:
                return template, chosen
            token = points.next_token


def _campaigns(chosen: Mapping[_Settings, Sequence[str]]) -> Iterator[tuple[_Settings, Sequence[str]]]:
    for settings, names in chosen.items():
        for begin in range(0, len(names), _MOST_IN_A_CAMPAIGN):
            yield settings, names[begin : begin + _MOST_IN_A_CAMPAIGN]


def _for(template: ConfigurationTemplate, station_id: str = "") -> ChargePointFilter:
    return ChargePointFilter(
        station_id=station_id,
        state=ChargePointState.ACCEPTED,
        vendor=template.vendor,
        model=template.model,
        firmware_version=template.firmware_version,
    )


async def _drifts(
    work: UnitOfWork, points: Sequence[ChargePoint], template: ConfigurationTemplate | None = None
) -> list[ChargePointDrift]:
    """How charge points stand to all templates; by one alone, only what that says and is not as desired."""
    templates = await work.configuration_templates.all()
    ids = {
        variable_id(point.id, setting.place): point.id for point in points for _, setting in desired(templates, point)
    }
    known = await work.device_variables.known(ids) if ids else {}
    drifts = [drift_of(point, templates, known) for point in points]
    if template is None:
        return drifts
    return [_of_template(drift, template) for drift in drifts]


def _of_template(drift: ChargePointDrift, template: ConfigurationTemplate) -> ChargePointDrift:
    said = [one for one in drift.settings if one.template_id == template.id]
    shown = [one for one in said if one.state is not DriftState.AS_DESIRED]
    return ChargePointDrift(drift.charge_point, shown, len(said))


async def _found(work: UnitOfWork, template_id: str, *, for_update: bool = False) -> ConfigurationTemplate:
    template = await work.configuration_templates.find(template_id, for_update=for_update)
    if template is None:
        raise not_found("configuration template", template_id)
    return template
