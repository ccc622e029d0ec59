"""What the use cases need from the outside: repositories within one unit of work, a place for events, other services.

Shapes only; the implementations are in sql/ and clients.py.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from services.kernel import unit_of_work
from services.kernel.pagination import Head, Page, PageRequest
from services.kernel.refusal import Rule
from services.station.domain.batch import Changes, Places, Points
from services.station.domain.charge_point import ChargePoint, ChargePointFilter, ChargePointState
from services.station.domain.configuration_template import ConfigurationTemplate, Reboot
from services.station.domain.connection import ClosedConnection, Connection, Newest, Sighting
from services.station.domain.connector import Availability, Connector, ConnectorKey
from services.station.domain.device_event import DeviceEvent, DeviceEventFilter
from services.station.domain.device_monitor import DeviceMonitor, DeviceMonitorFilter, MonitorKey, MonitorKind
from services.station.domain.device_report import ArrivedPart, DeviceReport, LostReport
from services.station.domain.device_variable import (
    DeviceVariable,
    DeviceVariableFilter,
    SeenVariable,
    VariableChange,
    VariableChangeFilter,
)
from services.station.domain.events import DomainEvent
from services.station.domain.file_job import FileJob, FileJobFilter
from services.station.domain.firmware_campaign import (
    CampaignState,
    FirmwareCampaign,
    Sight,
    Target,
    TargetState,
)
from services.station.domain.free_vending import FreeVending
from services.station.domain.refusal import Refusal, Tally, UnknownFilter
from services.station.domain.station import FoundStation, Station, StationFilter
from services.station.domain.stored_file import FileFilter, FileLink, StoredFile


class StationReads(Protocol):
    """What callers read of stations; each in a round trip of its own, beside all units of work."""

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[FoundStation]:
        """One page, the newest first; of a search by place, the nearest first."""
        ...

    async def heads(self, narrowing: StationFilter, page: PageRequest) -> Page[Head]:
        """One page, the newest first, but which stations it holds only; a version is of all that stands there, too."""
        ...

    async def find(self, station_id: str) -> Station | None:
        """The station with this id."""
        ...

    async def with_ids(
        self, station_ids: Sequence[str]
    ) -> tuple[Sequence[tuple[Head, Station]], Sequence[Connector], Sequence[ChargePoint]]:
        """Those of the stations that exist, and what stands there."""
        ...

    async def standing_at(self, station_ids: Sequence[str]) -> tuple[Sequence[Connector], Sequence[ChargePoint]]:
        """What stands at stations: connectors in their order at a charge point, charge points by identity."""
        ...


class StationRepository(Protocol):
    """The stored stations."""

    async def find(self, station_id: str, *, for_update: bool = False) -> Station | None:
        """The station, locked until the unit of work ends when `for_update`."""
        ...

    async def add(self, station: Station) -> None:
        """Store a new station."""
        ...

    async def replace(self, station: Station) -> None:
        """Store all fields of a station."""
        ...

    async def remove(self, station_id: str) -> None:
        """Delete a station; its charge points belong to none afterwards."""
        ...


class Vending(NamedTuple):
    """What a charge point and its station say of sessions without a token; None for nothing."""

    state: ChargePointState
    own: FreeVending | None
    of_station: FreeVending | None


class ChargePointRepository(Protocol):
    """The stored charge points."""

    async def page(self, narrowing: ChargePointFilter, page: PageRequest) -> Page[ChargePoint]:
        """One page by identity."""
        ...

    async def find(self, charge_point_id: str, *, for_update: bool = False) -> ChargePoint | None:
        """The charge point, locked until the unit of work ends when `for_update`."""
        ...

    async def of_stations(self, station_ids: Sequence[str]) -> Sequence[ChargePoint]:
        """All charge points of these stations by identity."""
        ...

    async def free_vending(self, charge_point_ids: Collection[str]) -> Mapping[str, Vending]:
        """What is said of sessions without a token, by charge point; unknown ones are left out."""
        ...

    async def in_service(self, charge_point_ids: Collection[str]) -> Mapping[str, str | None]:
        """Where those charge points stand, None for nowhere, that an operator has accepted."""
        ...

    async def add(self, charge_points: Sequence[ChargePoint]) -> None:
        """Store new charge points. Raises: CHARGE_POINT_EXISTS."""
        ...

    async def replace(self, charge_point: ChargePoint) -> None:
        """Store all fields of a charge point."""
        ...

    async def note_cost_currencies(self, currencies: Mapping[str, str]) -> None:
        """Store in what charge points show costs, by identity; an empty text for nothing. It is no change that an
        operator sees, and moves no revision."""
        ...

    async def remove(self, charge_point_id: str) -> None:
        """Delete a charge point with its connectors, its connection, its variables and what was refused of it."""
        ...

    async def forgotten_unknown(self, before: datetime, limit: int) -> Sequence[ChargePoint]:
        """Those that came by themselves, that no operator has touched, and that were last heard of before then; up to
        `limit`, locked."""
        ...


class ConnectorRepository(Protocol):
    """The stored connectors."""

    async def page(self, station_id: str, page: PageRequest) -> Page[Connector]:
        """One page of the connectors of a station by charge point, EVSE and number."""
        ...

    async def of_stations(self, station_ids: Sequence[str]) -> Sequence[Connector]:
        """All connectors of these stations by charge point, EVSE and number."""
        ...

    async def of_charge_points(self, charge_point_ids: Collection[str]) -> Sequence[Connector]:
        """All connectors of these charge points by charge point, EVSE and number."""
        ...

    async def named(self, station_id: str, name: str) -> Sequence[Connector]:
        """The connectors of a station with this id or this OCPP number, locked until the unit of work ends."""
        ...

    async def find(self, key: ConnectorKey) -> Connector | None:
        """The connector of this key."""
        ...

    async def store(self, connectors: Sequence[Connector]) -> None:
        """Store connectors, new ones and changed ones."""
        ...


class ConnectionRepository(Protocol):
    """The stored connections, as they are looked at. At most one per charge point; the epoch outlives it."""

    async def abandoned(self, now: datetime, limit: int) -> Sequence[ClosedConnection]:
        """The open connections, up to `limit`, of nodes whose lease has run out."""
        ...

    async def forget_nodes(self, before: datetime) -> None:
        """Delete the nodes whose lease ran out before then."""
        ...

    async def next_lease_end(self, now: datetime) -> datetime | None:
        """When the first lease runs out after `now`; None without one."""
        ...

    async def find(self, charge_point_id: str, now: datetime) -> Connection | None:
        """The open connection of a charge point, on a node that lives."""
        ...

    async def page(self, page: PageRequest, now: datetime) -> Page[Connection]:
        """One page of the open connections by charge point."""
        ...


class RefusalRepository(Protocol):
    """Who was refused at the handshake, by identity, rule and address."""

    async def record(self, refusals: Sequence[Refusal], most_of_identity: int) -> Sequence[Tally]:
        """Count refusals, at most one for each identity, rule and address; of each identity the latest are kept.

        Returns how often those were refused by now that are charge points in service.
        """
        ...

    async def note_published(self, refusals: Sequence[Refusal], now: datetime) -> None:
        """Note that the others were told of these as they are."""
        ...

    async def page(self, identity: str, rule: Rule | None, page: PageRequest) -> Page[Refusal]:
        """One page of what was refused of an identity, the latest first."""
        ...

    async def unknown(self, narrowing: UnknownFilter, page: PageRequest) -> Page[Refusal]:
        """One page of what was refused of those that no operator has accepted or rejected, the latest first."""
        ...

    async def forget(self, before: datetime, most_of_unknown: int) -> None:
        """Forget what was refused before then for the last time, and of unknown charge points all but the latest."""
        ...


class DeviceEventRepository(Protocol):
    """What charge points notified of themselves."""

    async def record(self, events: Sequence[DeviceEvent]) -> Sequence[DeviceEvent]:
        """Store those events, no two of one id, that are not stored yet; these."""
        ...

    async def page(self, narrowing: DeviceEventFilter, page: PageRequest) -> Page[DeviceEvent]:
        """One page, the latest first; counted up to 10,000."""
        ...


class DeviceVariableRepository(Protocol):
    """What is known of the variables of charge points."""

    async def lock(self, charge_point_ids: Collection[str]) -> None:
        """Keep everybody else from folding what these charge points told, until the unit of work ends."""
        ...

    async def known(self, ids: Mapping[str, str]) -> Mapping[str, DeviceVariable]:
        """What is known of these attributes, by id; of each id the charge point is given."""
        ...

    async def store(
        self, variables: Mapping[str, DeviceVariable], changes: Sequence[VariableChange], *, are_known: bool
    ) -> None:
        """Store variables and what changed. New ones, which there are none of when they `are_known`, are passed over
        beyond what a charge point can have."""
        ...

    async def changes(self, narrowing: VariableChangeFilter, page: PageRequest) -> Page[VariableChange]:
        """One page of changes, the latest first."""
        ...

    async def page(self, narrowing: DeviceVariableFilter, page: PageRequest) -> Page[SeenVariable]:
        """One page by component and name."""
        ...


class WantedReboot(NamedTuple):
    """A charge point that is to be restarted, since a setting that a command has changed needs it."""

    charge_point_id: str
    reboot: Reboot
    command_id: str
    tenant_id: str
    create_time: datetime


class ConfigurationTemplateRepository(Protocol):
    """The stored configuration templates, and what their pushes have to do yet."""

    async def page(self, page: PageRequest) -> Page[ConfigurationTemplate]:
        """One page, the newest first."""
        ...

    async def all(self) -> Sequence[ConfigurationTemplate]:
        """All of them; there are not many."""
        ...

    async def find(self, template_id: str, *, for_update: bool = False) -> ConfigurationTemplate | None:
        """The template, locked until the unit of work ends when `for_update`."""
        ...

    async def add(self, template: ConfigurationTemplate) -> None:
        """Store a new template."""
        ...

    async def replace(self, template: ConfigurationTemplate) -> None:
        """Store all fields of a template."""
        ...

    async def remove(self, template_id: str) -> None:
        """Delete a template."""
        ...

    async def hold_pushes(self) -> None:
        """Keep `reboot_after` from answering anybody until the unit of work ends."""
        ...

    async def note_push(self, campaign_id: str, reboot: Reboot, now: datetime) -> None:
        """Note when charge points are restarted of which a campaign changes settings."""
        ...

    async def reboot_after(self, campaign_id: str) -> Reboot:
        """When charge points are restarted of which this campaign changes settings. Waits for those who are noting one:
        its first command may be answered before its maker knows its id."""
        ...

    async def want_reboot(self, wanted: WantedReboot) -> None:
        """Note that a charge point is to be restarted."""
        ...

    async def wanted_reboots(self, since: datetime) -> Sequence[WantedReboot]:
        """Some of those that are to be restarted, the oldest first. What was noted before `since` is forgotten."""
        ...

    async def end_reboot(self, wanted: WantedReboot) -> None:
        """Note that there is no more to be done about it."""
        ...


class DeviceMonitorRepository(Protocol):
    """What is known of the monitors of charge points."""

    async def known(self, keys: Collection[MonitorKey]) -> Mapping[MonitorKey, DeviceMonitor]:
        """What is known of these monitors."""
        ...

    async def store(self, monitors: Sequence[DeviceMonitor]) -> None:
        """Store monitors, new ones and changed ones; new ones beyond what a charge point can have are passed over."""
        ...

    async def end_kinds(
        self, charge_point_id: str, kinds: Collection[MonitorKind], time: datetime
    ) -> Sequence[DeviceMonitor]:
        """Note that those monitors of these kinds are gone that were told of before then; these."""
        ...

    async def end_unreported(self, charge_point_id: str, time: datetime) -> Sequence[DeviceMonitor]:
        """Note that those monitors are gone that were told of before then and not since; these."""
        ...

    async def page(self, narrowing: DeviceMonitorFilter, page: PageRequest) -> Page[DeviceMonitor]:
        """One page by number."""
        ...


class DeviceReportRepository(Protocol):
    """Reports of variables, or of monitors, that charge points were asked for, and the parts of them that came."""

    async def add(self, reports: Sequence[DeviceReport], parts: Sequence[ArrivedPart]) -> None:
        """Store reports and parts that are not stored yet; those of long ago are forgotten."""
        ...

    async def waiting(self, charge_point_ids: Collection[str]) -> tuple[Sequence[DeviceReport], Sequence[ArrivedPart]]:
        """The reports of these charge points, and all parts of the numbers of those that wait and whose last part has
        come; nothing where there is none of those."""
        ...

    async def complete(self, reports: Sequence[DeviceReport]) -> None:
        """Store the times of reports."""
        ...

    async def parts_of(self, charge_point_id: str, request_ids: Collection[int]) -> Sequence[ArrivedPart]:
        """The parts that came of reports of these numbers."""
        ...

    async def claim_lost(self, now: datetime, most: int) -> Sequence[LostReport]:
        """Up to `most` reports of connected charge points of which some is missing and nothing more comes, and that
        nobody has asked for again: the caller does, and nobody else."""
        ...

    async def note_again(self, charge_point_id: str, command_id: str, again_command_id: str) -> None:
        """Note by which command the reports of a command were asked for again."""
        ...

    async def page(self, charge_point_id: str, page: PageRequest) -> Page[DeviceReport]:
        """One page of the reports of a charge point, the latest first."""
        ...


class DeviceInventoryRepository(Protocol):
    """Which charge points we have asked for all of their variables by ourselves."""

    async def due(self, charge_point_ids: Collection[str], now: datetime) -> Sequence[str]:
        """Those of these that are connected, have not told all since their firmware is what it is, and may be asked
        now."""
        ...

    async def claim(self, charge_point_ids: Collection[str], now: datetime) -> Mapping[str, int]:
        """Those of these that nobody else asks now, and how often each was asked with this time."""
        ...

    async def put_off(self, times: Mapping[str, datetime]) -> None:
        """Not to ask these again before then."""
        ...


class FileRepository(Protocol):
    """Files, and the links to them."""

    async def page(self, narrowing: FileFilter, page: PageRequest) -> Page[StoredFile]:
        """One page, the newest first."""
        ...

    async def find(self, file_id: str, *, for_update: bool = False) -> StoredFile | None:
        """The file, locked until the unit of work ends when `for_update`."""
        ...

    async def find_all(self, file_ids: Sequence[str]) -> Sequence[StoredFile]:
        """Those of these that there are."""
        ...

    async def add(self, file: StoredFile) -> None:
        """Store a new file."""
        ...

    async def replace(self, file: StoredFile) -> None:
        """Store a changed file."""
        ...

    async def remove(self, file_id: str) -> None:
        """Forget a file, with its links."""
        ...

    async def add_link(self, link: FileLink) -> None:
        """Store a new link."""
        ...

    async def find_link(self, secret_hash: str) -> FileLink | None:
        """The link of a secret."""
        ...

    async def forget_links(self, before: datetime) -> None:
        """Forget links that were good until some time before this."""
        ...

    async def to_forget(self, now: datetime, awaited_since: datetime, limit: int) -> Sequence[StoredFile]:
        """Some files whose time is over, or whose bytes have not come since then; locked. What others have locked is
        left to them."""
        ...


class FileJobRepository(Protocol):
    """What charge points were asked to do with files."""

    async def page(self, narrowing: FileJobFilter, page: PageRequest) -> Page[FileJob]:
        """One page, the newest first."""
        ...

    async def find(self, job_id: str, *, for_update: bool = False) -> FileJob | None:
        """The job, locked until the unit of work ends when `for_update`."""
        ...

    async def add(self, job: FileJob) -> None:
        """Store a new job."""
        ...

    async def replace(self, jobs: Sequence[FileJob]) -> None:
        """Store changed jobs."""
        ...

    async def latest(self, charge_point_ids: Sequence[str]) -> Sequence[FileJob]:
        """The newest jobs of each of these charge points, ten at most; locked."""
        ...

    async def of_file(self, file_id: str) -> Sequence[FileJob]:
        """The jobs by which a log comes; locked."""
        ...

    async def booted(self, limit: int) -> Sequence[FileJob]:
        """Some updates that go on, whose charge points booted with another firmware since, the one that they should
        have where that is known; locked. What others have locked is left to them."""
        ...

    async def silent(self, now: datetime, limit: int) -> Sequence[FileJob]:
        """Some that go on and should have been heard of by now; locked. What others have locked is left to them."""
        ...


class FirmwareCampaignRepository(Protocol):
    """Firmware campaigns and their charge points."""

    async def add(self, campaign: FirmwareCampaign, targets: Sequence[Target]) -> None:
        """Store a new campaign with its charge points."""
        ...

    async def find(self, campaign_id: str, *, for_update: bool = False) -> FirmwareCampaign | None:
        """The campaign, locked until the unit of work ends when `for_update`."""
        ...

    async def claim(self, campaign_id: str) -> FirmwareCampaign | None:
        """The campaign, locked, if it is not over and nobody else has it."""
        ...

    async def not_over(self) -> Sequence[FirmwareCampaign]:
        """Those that are not over, in the order of their making."""
        ...

    async def replace(self, campaign: FirmwareCampaign) -> None:
        """Store a changed campaign."""
        ...

    async def page(self, state: CampaignState | None, page: PageRequest) -> Page[FirmwareCampaign]:
        """One page, the newest first."""
        ...

    async def targets(self, campaign_id: str, state: TargetState | None, page: PageRequest) -> Page[Target]:
        """One page of its charge points, by wave and identity."""
        ...

    async def target(self, campaign_id: str, charge_point_id: str) -> Target | None:
        """One of its charge points, locked."""
        ...

    async def replace_targets(self, targets: Sequence[Target]) -> None:
        """Store changed charge points."""
        ...

    async def counts(self, campaign_id: str, wave: int | None = None) -> Mapping[TargetState, int]:
        """How many of its charge points, or of those of a wave, are in each state."""
        ...

    async def counts_of(self, campaign_ids: Sequence[str]) -> Mapping[str, Mapping[TargetState, int]]:
        """The same of several campaigns as wholes."""
        ...

    async def skip_waiting(self, campaign_id: str, reason: str, now: datetime) -> None:
        """Pass over all of its charge points that wait."""
        ...

    async def sights(self, campaign: FirmwareCampaign, limit: int) -> Sequence[tuple[Target, Sight]]:
        """Those of its charge points that are under way, and those of its wave that wait, with what is known of them:
        first the former, then those that may be asked now. Locked."""
        ...


class UnitOfWork(Protocol):
    """One unit of work: what is done through it is committed together, with its events, or not at all."""

    @property
    def stations(self) -> StationRepository: ...

    @property
    def charge_points(self) -> ChargePointRepository: ...

    @property
    def connectors(self) -> ConnectorRepository: ...

    @property
    def connections(self) -> ConnectionRepository: ...

    @property
    def device_events(self) -> DeviceEventRepository: ...

    @property
    def device_inventories(self) -> DeviceInventoryRepository: ...

    @property
    def device_variables(self) -> DeviceVariableRepository: ...

    @property
    def device_reports(self) -> DeviceReportRepository: ...

    @property
    def files(self) -> FileRepository: ...

    @property
    def device_monitors(self) -> DeviceMonitorRepository: ...

    @property
    def configuration_templates(self) -> ConfigurationTemplateRepository: ...

    @property
    def monitoring_reports(self) -> DeviceReportRepository: ...

    @property
    def file_jobs(self) -> FileJobRepository: ...

    @property
    def firmware_campaigns(self) -> FirmwareCampaignRepository: ...

    @property
    def refusals(self) -> RefusalRepository: ...

    async def remember(self, request_id: str, resource_id: str) -> str:
        """The id that `request_id` of this caller of this RPC made within a day; `resource_id` when it is the first.

        Raises: REQUEST_ID_REUSED when it came with another request.
        """
        ...

    async def publish(self, events: Sequence[DomainEvent]) -> None:
        """Tell the domain events of this change, once it is committed."""
        ...


UnitsOfWork = unit_of_work.UnitsOfWork[UnitOfWork]


class ReportBatch(Protocol):
    """One batch of reports of the edge: what it has to do with is loaded and locked once, and what follows from it
    committed once.

    Only who has locked a charge point opens and closes its connection, so that no newer connection comes between the
    look at the epochs and the change.
    """

    async def points(
        self, charge_point_ids: Collection[str], unknown: Sequence[ChargePoint] = (), most_unknown: int = 0
    ) -> Points:
        """The charge points of these identities, locked; those that are not stored are left out. `unknown` are stored
        before where they are not, as long as there are no more than `most_unknown` in all."""
        ...

    async def places(self, charge_point_ids: Collection[str], connectors: Collection[ConnectorKey] = ()) -> Places:
        """Where the charge points of these identities stand, and the connectors of these keys; locks the charge points.
        Unknown ones are left out."""
        ...

    async def commit(self, changes: Changes) -> None:
        """Store what has changed, with its events."""
        ...

    async def live(
        self, node: str, node_address: str, until: datetime, sightings: Sequence[Sighting]
    ) -> Mapping[str, Newest]:
        """Let a node live at least until then, note what it has heard, and commit; the newest connections of those.

        Sightings of connections that are just being changed are left out.
        """
        ...


class ReportBatches(Protocol):
    """Begins batches."""

    def __call__(self) -> AbstractAsyncContextManager[ReportBatch]: ...


class RunningTransactions(Protocol):
    """Asks the transaction service what runs."""

    async def at_station(self, station_id: str) -> bool:
        """Whether a transaction runs at the station. Raises: UNAVAILABLE."""
        ...

    async def at_charge_point(self, charge_point_id: str) -> bool:
        """Whether a transaction runs at the charge point. Raises: UNAVAILABLE."""
        ...


class Pace(NamedTuple):
    """How fast commands to many charge points are made, and whether they wait for those that are offline."""

    commands_per_second: float
    queue_while_offline: bool


class MadeCommand(NamedTuple):
    """A command as it went: its campaign, empty for none, and whether a setting that it changed needs a restart."""

    campaign_id: str
    needs_reboot: bool


class Commands(Protocol):
    """Commands charge points through the transaction service; settings are kept there until they are online.

    Each is idempotent by `request_id`.
    """

    async def change_configuration(self, charge_point_id: str, key: str, value: str, request_id: str) -> None:
        """Change one setting."""
        ...

    async def get_full_report(self, charge_point_id: str, request_id: str) -> None:
        """Ask for a report of all variables, if the charge point is online; it is not kept for later."""
        ...

    async def change_settings(
        self,
        name: str,
        settings: Sequence[tuple[str, str]],
        charge_point_ids: Sequence[str],
        pace: Pace,
        request_id: str,
    ) -> str:
        """Change settings of many charge points, at a pace, by a campaign; its id."""
        ...

    async def made(self, command_id: str) -> MadeCommand:
        """What became of a command."""
        ...

    async def reset(self, charge_point_id: str, at_once: bool, request_id: str) -> None:
        """Restart a charge point, if it is online."""
        ...

    async def ask_again(self, charge_point_id: str, command_id: str, request_id: str) -> str:
        """Make a command like that one, which had no secrets; the id of the new one."""
        ...

    async def update_firmware(self, charge_point_id: str, file_id: str, request_id: str) -> str:
        """Have a charge point that is online update its firmware; the id of the command once it has taken it.

        Raises: CHARGE_POINT_OFFLINE, CHARGE_POINT_TIMEOUT, NOT_SUPPORTED_BY_CHARGE_POINT, UNAVAILABLE.
        """
        ...

    async def change_availability(
        self, charge_point_id: str, evse_id: int, connector_id: int, availability: Availability, request_id: str
    ) -> None:
        """Take a connector in or out of operation."""
        ...
