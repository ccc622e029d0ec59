"""What the use cases need from the outside: repositories within one unit of work, a place for events, charge points.

Shapes only; the implementations are in sql/ and clients.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.kernel import unit_of_work
from services.kernel.pagination import Head, Page, PageRequest
from services.transaction.domain.batch import Kept, Needs, StrayEnd
from services.transaction.domain.campaign import Campaign, CampaignState, Selection
from services.transaction.domain.command import Command, CommandFilter, CommandState, Place, Reply
from services.transaction.domain.connector_power import ConnectorPower
from services.transaction.domain.curve import Samples
from services.transaction.domain.ending import EndDecision
from services.transaction.domain.events import CommandChanged, TransactionChanged
from services.transaction.domain.fact import Fact, TransactionEvent
from services.transaction.domain.journal_batch import JournalBatch
from services.transaction.domain.lookout import Bookmark, Contest, Late, Suspect
from services.transaction.domain.matching import Known, Move, Span
from services.transaction.domain.message import MessageFilter, OcppMessage
from services.transaction.domain.reading import LastRead, MeterReport, Placed, Reading
from services.transaction.domain.recording import Outcome
from services.transaction.domain.registers import Registers
from services.transaction.domain.repetition import FirstReport
from services.transaction.domain.sequence import SequenceGap
from services.transaction.domain.transaction import Transaction
from services.transaction.domain.transaction_view import ChargingStateChange, Latest, TransactionFilter


class TransactionReads(Protocol):
    """What callers read of transactions; each in a round trip of its own, beside all units of work."""

    async def page(self, narrowing: TransactionFilter, page: PageRequest) -> Page[Transaction]:
        """One page, in the order that the filter says."""
        ...

    async def heads(self, narrowing: TransactionFilter, page: PageRequest) -> Page[Head]:
        """The same page, but which transactions it holds only."""
        ...

    async def find(self, transaction_id: str) -> Transaction | None:
        """The transaction with this id."""
        ...

    async def with_ids(self, transaction_ids: Sequence[str]) -> Sequence[tuple[Head, Transaction]]:
        """Those of the transactions that exist."""
        ...

    async def belongings(
        self, transactions: Sequence[Transaction]
    ) -> tuple[Mapping[str, Latest], Mapping[str, EndDecision], Mapping[str, SequenceGap]]:
        """What the readings of each transaction show by now, by its id, of one that is over only the state of charge;
        what operators decided about their ends; and what is missing of them."""
        ...


class TransactionRepository(Protocol):
    """The stored transactions and their readings; written by recordings only."""

    async def find(self, transaction_id: str) -> Transaction | None:
        """The transaction with this id."""
        ...

    async def with_ids(self, transaction_ids: Collection[str]) -> Sequence[Transaction]:
        """Those of the transactions that exist."""
        ...

    async def samples(
        self, transactions: Sequence[Transaction], now: datetime
    ) -> Mapping[str, tuple[Samples, int | None]]:
        """The readings of transactions, of those that run until now, in the order of their times, of very many some at
        equal distances; and the greatest power of their connectors where it is known. By the ids of the
        transactions."""
        ...

    async def readings(self, transaction_id: str, page: PageRequest) -> Page[Reading]:
        """One page of the readings of a transaction, in the order of sampling."""
        ...

    async def suspects(self, since: datetime, after: str, limit: int) -> Sequence[Suspect]:
        """Charge points at which transactions changed since then beside ends that named none; in the order of their
        names, those behind `after`."""
        ...

    async def running_at(self, charge_point_ids: Collection[str]) -> Sequence[Transaction]:
        """The transactions that run at charge points."""
        ...

    async def remote_start_ids(self, transaction: Transaction) -> Collection[int]:
        """The numbers of remote starts that its charge point told with it (OCPP 2.x, `remoteStartId`): none or one,
        unless it contradicts itself."""
        ...

    async def charging_states(self, transaction: Transaction, page: PageRequest) -> Page[ChargingStateChange]:
        """One page of what was told of how a transaction charged, in the order of time."""
        ...

    async def changes_of_state(
        self, transactions: Sequence[Transaction]
    ) -> Mapping[str, Sequence[ChargingStateChange]]:
        """How transactions charged, by id: of several states in a row that are the same the first; at most 1000
        each."""
        ...

    async def silent(self, since: datetime, after: str, limit: int) -> Sequence[Transaction]:
        """Transactions that run and of which nothing was heard since that time, no reading either; in the order of
        their ids, those behind `after`."""
        ...

    async def late(self, since: datetime, after: str, limit: int) -> tuple[Sequence[Late], str]:
        """Transactions that changed since then and may have readings elsewhere, among the next `limit` that were told
        of late; and behind which to go on, empty at the end."""
        ...

    async def contested(self, after: Bookmark, limit: int) -> tuple[Sequence[Contest], Bookmark]:
        """Which of the next `limit` transactions that hold ends which named none may not be the ones that are meant;
        and behind which to go on, the beginning after the last one. However long ago all of it was told."""
        ...


class MessageRepository(Protocol):
    """The journal of frames."""

    async def page(self, narrowing: MessageFilter, page: PageRequest) -> Page[OcppMessage]:
        """One page, the newest first; counted up to 10,000."""
        ...


class Journal(Protocol):
    """Takes frames into the journal."""

    async def append(self, messages: Sequence[OcppMessage]) -> None:
        """Store frames; those that are there already stay as they are."""
        ...

    async def append_batches(self, batches: Sequence[JournalBatch]) -> None:
        """Store batches of frames; those that came within a day stay as they are."""
        ...


class JournalSorting(Protocol):
    """Sorts the journal by charge point."""

    async def sort(self) -> int:
        """Sort the batches that came first, in one transaction; how many exchanges that were. None while another
        replica is at it."""
        ...


class CommandRepository(Protocol):
    """The stored commands."""

    async def page(self, narrowing: CommandFilter, page: PageRequest) -> Page[Command]:
        """One page, the newest first."""
        ...

    async def find(self, command_id: str, *, for_update: bool = False) -> Command | None:
        """The command, locked until the unit of work ends when `for_update`."""
        ...

    async def lock_open_at(self, charge_point_ids: Collection[str], now: datetime) -> Collection[str]:
        """Those of the charge points that have commands which `working_at` or, before they expire, `queued_for` tell
        of; these commands are locked. Whoever asks for those of several charge points calls this first."""
        ...

    async def working_at(self, place: Place, now: datetime) -> Sequence[Command]:
        """The commands of a charge point whose effect may still come at `now`, the oldest first, locked."""
        ...

    async def queued_for(self, place: Place) -> Sequence[Command]:
        """The queued commands of a charge point, the oldest first, locked."""
        ...

    async def remote_starts(self, charge_point_ids: Collection[str]) -> Sequence[tuple[Command, bool]]:
        """The latest remote starts of these charge points, and whether the transaction of each runs."""
        ...

    async def due(
        self, now: datetime, sent_after: datetime, limit: int, but_of: Collection[str] = ()
    ) -> Sequence[Command]:
        """Queued commands to be tried by now, by priority and age and one of each charge point, locked; those locked by
        others, and those of the tenants `but_of`, are passed over. None before which another one of its charge point is
        queued, or sent after that time."""
        ...

    async def forgotten(self, now: datetime, sent_before: datetime) -> Sequence[Command]:
        """Commands that were sent before that time, have not expired, and of which nothing was heard since; some of
        them, the oldest first."""
        ...

    async def overdue(self, now: datetime, limit: int) -> Sequence[Command]:
        """Commands whose time is over while they wait for delivery, answer or effect, locked as by `due`."""
        ...

    async def next_time(self, now: datetime) -> datetime | None:
        """When the next one is `due`, or `overdue` after `now`; None as long as neither is foreseen. In the past while
        one waits for another of its charge point."""
        ...

    async def add(self, command: Command) -> None:
        """Store a new command."""
        ...

    async def replace(self, command: Command) -> None:
        """Store all fields of a command."""
        ...


class CampaignRepository(Protocol):
    """The stored campaigns, the charge points that wait for a command of them, and their commands."""

    async def add(self, campaign: Campaign) -> None:
        """Store a new campaign."""
        ...

    async def replace(self, campaign: Campaign) -> None:
        """Store all fields of a campaign."""
        ...

    async def find(self, campaign_id: str, *, for_update: bool = False) -> Campaign | None:
        """The campaign, locked until the unit of work ends when `for_update`."""
        ...

    async def page(self, state: CampaignState | None, page: PageRequest) -> Page[Campaign]:
        """One page, the newest first."""
        ...

    async def open(self, limit: int) -> Sequence[Campaign]:
        """Campaigns that something is to come of, those first that were changed longest ago."""
        ...

    async def counts(self, campaign_id: str) -> Mapping[CommandState, int]:
        """The number of its commands in each state that has any."""
        ...

    async def add_targets(self, campaign_id: str, charge_point_ids: Sequence[str]) -> int:
        """Let charge points wait for their command; returns how many did not yet."""
        ...

    async def take_targets(self, campaign_id: str, count: int) -> Sequence[str]:
        """The next of the charge points that wait, which then do so no more."""
        ...

    async def forget_targets(self, campaign_id: str) -> None:
        """Let nobody wait any more."""
        ...

    async def lock_pace(self) -> None:
        """Be the only one that makes commands of campaigns until the unit of work ends."""
        ...

    async def in_flight(self, now: datetime) -> Mapping[str, int]:
        """How many commands of each campaign are on their way, or due to be."""
        ...

    async def has_open_commands(self, campaign_id: str) -> bool:
        """Whether one of its commands is queued or sent."""
        ...

    async def queued(self, campaign_id: str, limit: int) -> Sequence[Command]:
        """Some of its commands that are queued, locked; those locked by others are passed over."""
        ...


class ConnectorPowerRepository(Protocol):
    """What connectors can give."""

    async def note(self, powers: Sequence[ConnectorPower]) -> None:
        """Store what is not older than what is known."""
        ...


class EndDecisionRepository(Protocol):
    """What operators decided about the ends of transactions."""

    async def add(self, decision: EndDecision) -> None:
        """Keep a decision, the only one of its transaction."""
        ...


class SequenceGapRepository(Protocol):
    """What is missing of transactions by the numbers of their events."""

    async def ended(self, since: datetime, until: datetime, after: str, limit: int) -> Sequence[Transaction]:
        """Transactions by OCPP 2.x that changed in that time and are over, of which no gap is known; in the order of
        their ids, those behind `after`."""
        ...

    async def numbers(self, begin_times: Mapping[str, datetime]) -> Mapping[str, Collection[int]]:
        """The numbers of the events of transactions, by the ids of these, of those that have any. When each began tells
        on which days to look."""
        ...

    async def numbers_beside(self, transaction_id: str) -> Collection[int]:
        """The numbers of the events of transactions that ran at its charge point at the same time."""
        ...

    async def due(self, now: datetime, until: datetime, limit: int) -> Sequence[SequenceGap]:
        """Some of the gaps that are to be looked at by now; nobody else gets them before `until`."""
        ...

    async def keep(self, gap: SequenceGap) -> None:
        """Store a gap as it is now."""
        ...


class UnitOfWork(Protocol):
    """One unit of work: what is done through it is committed together, with its events, or not at all."""

    @property
    def transactions(self) -> TransactionRepository: ...

    @property
    def messages(self) -> MessageRepository: ...

    @property
    def commands(self) -> CommandRepository: ...

    @property
    def campaigns(self) -> CampaignRepository: ...

    @property
    def connector_powers(self) -> ConnectorPowerRepository: ...

    @property
    def end_decisions(self) -> EndDecisionRepository: ...

    @property
    def sequence_gaps(self) -> SequenceGapRepository: ...

    @property
    def recording(self) -> "RecordingUnitOfWork":
        """A recording that is committed with all the rest: its own `commit` only stores."""
        ...

    async def remember(self, request_id: str, resource_id: str) -> str:
        """The id that `request_id` of this caller of this RPC made within a day; `resource_id` when it is the first.

        Raises: REQUEST_ID_REUSED when it came with another request.
        """
        ...

    async def publish(self, events: Sequence[TransactionChanged | CommandChanged]) -> None:
        """Tell the domain events of this change, once it is committed."""
        ...

    async def reconciled_until(self, name: str) -> datetime | None:
        """How far a look at what has changed has come."""
        ...

    async def note_reconciled(self, name: str, until: datetime) -> None:
        """Note how far it has come."""
        ...

    async def visible_until(self) -> datetime:
        """Until when all changes of transactions are visible: those that are being recorded will be of later times."""
        ...


UnitsOfWork = unit_of_work.UnitsOfWork[UnitOfWork]


class Report(Protocol):
    """One event as it came in."""

    def meter_report(self) -> MeterReport | None:
        """Its readings, when there is nothing else in it."""
        ...

    def event(self) -> TransactionEvent:
        """All of it. Raises: INVALID_FIELD."""
        ...


class MeterStore(Protocol):
    """Stores readings, many at a time, without a look at anything but the state of their transactions."""

    async def store(self, reports: Sequence[MeterReport]) -> Sequence[Placed]:
        """Store the readings of each report if they belong to a running transaction or to none; answers in order.

        Readings that are stored already stay as they are. Readings without a transaction go to the one whose time at
        their connector holds them. Raises: INVALID_FIELD when a value cannot be stored.
        """
        ...


class RecordingUnitOfWork(Protocol):
    """The unit of work of one recording, on transactions that nobody else records for at the same time."""

    async def running_at(self, charge_point_ids: Collection[str]) -> Collection[str]:
        """Those of the charge points at which a transaction runs; nothing is locked."""
        ...

    async def load(self, needs: Needs) -> tuple[Sequence[Transaction], Iterator[int]]:
        """Lock what is wanted, then read it; with enough unused transaction numbers."""
        ...

    async def candidates(self, ends: Sequence[StrayEnd]) -> tuple[Sequence[Transaction], Mapping[str, Kept]]:
        """The transactions that ends could mean: those that run there, and the one that such an end has ended before;
        for an end without a date all of a week that such ones have ended. And where those that were told before are
        kept, by their keys."""
        ...

    async def first_reports(self, updates: Sequence[tuple[str, datetime]]) -> Mapping[str, Sequence[FirstReport]]:
        """What was told of transactions in the ten minutes before these times, beside their starts and ends; by
        transaction id."""
        ...

    async def last_read(
        self, transaction_ids: Sequence[str], since: datetime, until: datetime
    ) -> Mapping[str, LastRead]:
        """The latest readings of transactions, of those that were taken on these days, by transaction id."""
        ...

    async def highest_register(self, transaction: Transaction, until: datetime) -> int | None:
        """The highest register that was told of a transaction by that time, in Wh."""
        ...

    async def store(
        self, facts: Sequence[Fact], over: Sequence[Transaction]
    ) -> tuple[set[str], Mapping[str, Registers]]:
        """Store those facts that are new, with the readings that came with them; then look at the readings of the
        transactions `over`, at least one. Returns the keys of the new facts and the registers by transaction id."""
        ...

    async def adopt_from_outside(self, transactions: Sequence[Transaction]) -> int:
        """Give transactions, at least one, the readings at their places in their time that are kept outside of any
        transaction; how many those were."""
        ...

    async def registers(self, transactions: Sequence[Transaction]) -> Mapping[str, Registers]:
        """Those of transactions, at least one, among all stored readings, by transaction id."""
        ...

    async def commit(self, outcome: Outcome, facts: Sequence[Fact]) -> set[str]:
        """Store the outcome with its events, and `facts` as `store` does; then commit all of it. Returns the keys of
        those of `facts` that are new."""
        ...


class RecordingUnitsOfWork(Protocol):
    """Begins recordings; what was not committed by the end is undone."""

    def __call__(self) -> AbstractAsyncContextManager[RecordingUnitOfWork]: ...


class ChargePoints(Protocol):
    """The charge points of the platform."""

    async def edge_address(self, charge_point_id: str) -> str | None:
        """Where the edge node answers that the charge point is connected to; None while it is offline.

        Raises: CHARGE_POINT_NOT_FOUND.
        """
        ...

    async def stage_password(self, charge_point_id: str, source: str, password: str) -> None:
        """Make a new password that is on its way to a charge point valid beside what is. Idempotent by `source`.

        Raises: CHARGE_POINT_NOT_FOUND, INVALID_FIELD, UNAVAILABLE.
        """
        ...

    async def withdraw_password(self, charge_point_id: str, source: str) -> None:
        """Make void what was staged and not taken. Raises: UNAVAILABLE."""
        ...

    async def prepare_file_job(self, command: Command, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin to follow a command about a file; its body with what the charge point is told of that. Idempotent by
        the id of the command, but for a link, which is another one.

        Raises: CHARGE_POINT_NOT_FOUND, FILE_NOT_FOUND, FILE_NOT_STORED, FTP_NOT_SERVED, UNAVAILABLE.
        """
        ...

    async def settle_file_job(self, command_id: str, accepted: bool, status: str, error: str) -> None:
        """Say what became of a command about a file. Idempotent. Raises: UNAVAILABLE."""
        ...


class Stations(Protocol):
    """The stations of the platform."""

    async def connector_powers(self, told_time: datetime, page_token: str) -> tuple[Sequence[ConnectorPower], str]:
        """What the connectors of a page of stations can give, as told at that time; and the token of the next page,
        empty on the last. Raises: UNAVAILABLE."""
        ...


class Fleet(Protocol):
    """The charge points that there are, of the station service."""

    async def page(self, selection: Selection, page_token: str) -> tuple[Sequence[str], str]:
        """The next charge points that are selected, and the token of those after them; empty when these are the last.

        Raises: UNAVAILABLE, INVALID_FIELD.
        """
        ...


class Edge(Protocol):
    """The edge nodes."""

    async def deliver(self, address: str, command: Command, body: Mapping[str, Any], timeout: timedelta) -> Reply:
        """Have the node at `address` send a command, and wait for the charge point's answer.

        Raises: CONNECTION_NOT_FOUND when the charge point is not there (any more), NOT_SUPPORTED_BY_CHARGE_POINT,
        OCPP_SCHEMA_VIOLATION, OCPP_CALL_ERROR, CHARGE_POINT_TIMEOUT, UNAVAILABLE.
        """
        ...

    async def recall(self, address: str, command: Command, age: timedelta) -> Reply | None:
        """What the node at `address` returned when it delivered a command some minutes ago; None when a command that is
        SENT for that long surely never came to it, and so not to its charge point.

        Raises: COMMAND_NOT_FOUND when it does not know, UNAVAILABLE, and as the delivery failed.
        """
        ...


class MatchingUnitOfWork(Protocol):
    """The unit of work of placing ends anew, on transactions that nobody else records for at the same time."""

    async def known(self, charge_point_id: str, span: Span) -> Sequence[Known]:
        """Lock the charge point, then read its transactions that began in that time; with all facts of those that have
        an end which named no transaction, or only facts that did not. Empty when they are too many to look at."""
        ...

    async def move(self, moves: Sequence[Move]) -> None:
        """Store facts where they are now, with the readings that came with them."""
        ...

    async def adopt_readings(self, transactions: Sequence[Transaction]) -> set[str]:
        """Give transactions the readings that were taken at their place in their time, from outside of any
        transaction and from each other: where one ends decides whose readings without a transaction are. The ids of
        those that got some or lost some."""
        ...

    async def registers(self, transactions: Sequence[Transaction]) -> Mapping[str, Registers]:
        """As in RecordingWork."""
        ...

    async def commit(self, outcome: Outcome, facts: Sequence[Fact]) -> set[str]:
        """As in RecordingWork."""
        ...


class MatchingUnitsOfWork(Protocol):
    """Begins units of work; what was not committed by the end is undone."""

    def __call__(self) -> AbstractAsyncContextManager[MatchingUnitOfWork]: ...
