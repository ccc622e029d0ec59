"""A charge point, whatever OCPP version it speaks: hardware, state, and the calls it makes.

The dialects (v16, v201, v21) say what each message looks like. How it stays connected is in `link`, how
it charges in `charging`, how it obeys in `commands`.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from simulator.clock import DeviceClock
from simulator.command_log import CommandLog
from simulator.configuration import ConfigurationStore, Role
from simulator.connector import Connector, StopReason, Transaction
from simulator.file_conduct import FileConduct
from simulator.link import ACCEPTED, Link, Timing
from simulator.local_list import LocalList
from simulator.meter import Meter, Reading
from simulator.offline import OfflineQueue, QueuedMessage
from simulator.profile import StationProfile
from simulator.session import CallFailed, LinkDown, OcppSession
from simulator.smart_charging import ChargingProfiles, Circuit
from simulator.transport import Distortion, Endpoint, FrameSink, Tongue, Transport

logger = logging.getLogger(__name__)

_REMEMBERED_PROBLEMS = 100


@dataclass(frozen=True)
class Problem:
    """Something that the central system did not accept."""

    action: str
    detail: str

    def __str__(self) -> str:
        return f"{self.action}: {self.detail}"


class ChargePoint(ABC):
    """State of one station. `problems` keeps the latest refusals, `problem_counts` counts them all.

    `message_ids`, when given, makes the ids of calls (real stations repeat them); otherwise they are UUIDs. With
    `keeps_message_ids` a message that must arrive has the same id at each attempt.
    `hold_back` names, by action, what is done before a command is even looked at. A `tongue` tells other things than
    are true; the `witness` hears of each transaction when it begins, is answered, and ends. `misbehaved` counts what it
    has done wrong on purpose.
    """

    protocol: ClassVar[str]
    subprotocol: ClassVar[str]

    def __init__(
        self,
        identity: str,
        endpoint: Endpoint,
        *,
        profile: StationProfile | None = None,
        clock: DeviceClock | None = None,
        timing: Timing | None = None,
        sinks: Sequence[FrameSink] = (),
        distort: Distortion | None = None,
        initial_wh: int = 0,
    ) -> None:
        self.identity = identity
        self.endpoint = endpoint
        self.profile = profile or StationProfile()
        self.clock = clock or DeviceClock()
        self.timing = timing or Timing()
        self.commands = CommandLog()
        self.sinks = (*sinks, self.commands.watch)
        self.distort = distort
        self.message_ids: Callable[[], str] | None = None
        self.keeps_message_ids = False
        self.tongue: Tongue | None = None
        self.witness: Callable[[Transaction], None] = lambda _: None
        self.hold_back: dict[str, Callable[[Any], Awaitable[None]]] = {}
        self.connectors = {
            number: Connector(number, Meter(self.clock.now_us, initial_wh))
            for number in range(1, self.profile.connectors + 1)
        }
        self.configuration = self.new_configuration()
        self.charging_profiles = ChargingProfiles(Circuit(self.profile.voltage_v, self.profile.phases))
        self.files = FileConduct()
        self.local_list = LocalList(self.profile.list_entries, self.profile.list_entries_at_once)
        self.queue = OfflineQueue()
        self.known_tags: dict[str, str] = {}
        self.problems: deque[Problem] = deque(maxlen=_REMEMBERED_PROBLEMS)
        self.problem_counts: Counter[str] = Counter()
        self.misbehaved = 0
        self.link = Link(self, self.timing)
        self._tasks: set[asyncio.Task[None]] = set()

    # Dialect: what the messages look like.

    @abstractmethod
    def new_configuration(self) -> ConfigurationStore[Any]:
        """The settings this station leaves the factory with."""

    @abstractmethod
    def open_session(self, transport: Transport) -> OcppSession:
        """Speak this version over a fresh connection."""

    @abstractmethod
    def boot_request(self, reason: str) -> Any:
        """BootNotification; its answer has `status` and `interval`."""

    @abstractmethod
    def heartbeat_request(self) -> Any:
        """Heartbeat."""

    @abstractmethod
    def status_word(self, connector: Connector) -> str:
        """The status of a connector in this version's words."""

    @abstractmethod
    def status_request(self, connector: Connector | None) -> Any | None:
        """What tells the status of a connector, or of the station itself where the version has it."""

    @abstractmethod
    def authorize_request(self, id_tag: str) -> Any:
        """Authorize."""

    @abstractmethod
    def authorization_status(self, answer: Any) -> str | None:
        """What an answer says about the tag, None when it says nothing."""

    @abstractmethod
    def started(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        """The message that begins a transaction."""

    @abstractmethod
    def sampled(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        """The message that carries one periodic sample."""

    @abstractmethod
    def state_changed(self, transaction: Transaction) -> QueuedMessage | None:
        """The message that tells of a new charging state, where the version has it."""

    @abstractmethod
    def ended(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        """The message that ends a transaction."""

    @abstractmethod
    def stray_reading(self, connector: Connector, named: Transaction | int | None) -> Any:
        """A reading of now that claims to be of a transaction, of one that never was (a number), or of none."""

    # Life.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the station connected for the length of a block, then hang up."""
        # One whose link is dead must not look like one that is offline.
        self.spawn(self.link.run(), f"link of {self.identity}")
        try:
            yield
        finally:
            await self.link.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None], name: str | None = None) -> "asyncio.Task[None]":
        """Run something beside everything else until the station stops."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    async def ready(self, timeout: float | None = None) -> None:
        """Return once connected and accepted, with every status told.

        Raises:
            TimeoutError: that did not happen within `timeout` real seconds.
        """
        async with asyncio.timeout(timeout):
            while not self.link.in_service:
                await self.link.changed()

    # Calls.

    async def call(self, request: Any) -> Any:
        """Send a request now.

        Raises:
            CallFailed: not connected, refused or unanswered.
        """
        session = self.link.session
        if session is None:
            raise LinkDown("not connected")
        return await session.exchange(request, self.next_message_id())

    async def post(self, message: QueuedMessage) -> None:
        """Queue a message that must arrive; returns after its first try, or at once when offline."""
        self.post_nowait(message)
        attempted = asyncio.ensure_future(message.attempted.wait())
        try:
            while self.link.ready and not attempted.done():
                changed = asyncio.ensure_future(self.link.changed())
                await asyncio.wait({attempted, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            attempted.cancel()

    def post_nowait(self, message: QueuedMessage) -> None:
        """Queue a message that must arrive."""
        message.offline = not self.link.ready
        self.queue.append(message)

    async def heartbeat(self) -> None:
        """Send a Heartbeat; a failed one is a problem, not an error."""
        await self.tell("Heartbeat", self.heartbeat_request())

    async def report_status(self, connector: Connector, *, again: bool = False) -> None:
        """Tell the status of a connector if it changed, or `again`; offline ones are told on reconnect."""
        word = self.status_word(connector)
        if self.link.ready and (again or connector.reported != word):
            connector.reported = word
            request = self.status_request(connector)
            if not await self.tell(type(request).__name__, request):
                connector.reported = None

    async def announce(self, *, all_connectors: bool) -> None:
        """After a boot: every status. After a mere reconnect: those that changed meanwhile."""
        whole = self.status_request(None)
        if all_connectors and whole is not None:
            await self.tell(type(whole).__name__, whole)
        for connector in self.connectors.values():
            await self.report_status(connector, again=all_connectors)

    async def authorize(self, id_tag: str) -> str:
        """The status of a tag: the central system's word, or that of the local list or the cache while offline."""
        if not self.link.ready:
            return self._authorize_offline(id_tag)
        try:
            answer = await self.call(self.authorize_request(id_tag))
        except LinkDown:
            return self._authorize_offline(id_tag)
        except CallFailed as failure:
            self.problem("Authorize", str(failure))
            return "Invalid"
        return self.learn(id_tag, self.authorization_status(answer) or "Invalid")

    def learn(self, id_tag: str, status: str) -> str:
        """Remember what the central system said about a tag."""
        if self.configuration.flag(Role.AUTHORIZATION_CACHE):
            self.known_tags[id_tag.upper()] = status
        return status

    def judge(self, transaction: Transaction, action: str, status: str | None) -> None:
        """A message of a transaction was answered: a tag not accepted after all ends it, if so configured."""
        self.witness(transaction)
        if status is None:
            return
        transaction.authorization = self.learn(transaction.id_tag, status)
        if status != ACCEPTED:
            self.problem(action, f"{transaction.id_tag} is {status}")
            if self.configuration.flag(Role.STOP_ON_INVALID_ID):
                transaction.request_stop(StopReason.DEAUTHORIZED)

    def problem(self, action: str, detail: str) -> None:
        """Note that something was not accepted."""
        self.problems.append(Problem(action, detail))
        self.problem_counts[action] += 1
        logger.warning("%s: %s: %s", self.identity, action, detail)

    def next_message_id(self) -> str | None:
        """The id of the next call; None leaves it to the package (a UUID)."""
        return None if self.message_ids is None else self.message_ids()

    @property
    def password(self) -> bytes | None:
        """The password that the central system has set, if it has."""
        text = self.configuration.text(Role.PASSWORD)
        return self.password_bytes(text) if text else None

    @abstractmethod
    def password_bytes(self, text: str) -> bytes:
        """How this version writes a password in a setting."""

    def transactions(self) -> list[Transaction]:
        """Those that run now."""
        running = (connector.transaction for connector in self.connectors.values())
        return [each for each in running if each is not None and each.stop_time is None]

    def govern(self, connector: Connector) -> bool:
        """Let as much flow as profiles, vehicle and hardware allow now. Whether the connector's status changed."""
        before = connector.status
        connector.limit_w = self.limit_of(connector)
        connector.meter.set_power(connector.power_w)
        return connector.status != before

    def limit_of(self, connector: Connector) -> int | None:
        """What charging profiles let a connector take now, None for as much as it wants."""
        return self.limit_at(connector, self.clock.now())

    def limit_at(self, connector: Connector, moment: datetime) -> int | None:
        """The same of another moment, if nothing else changes until then."""
        transaction = connector.transaction
        return self.charging_profiles.limit_w(
            connector.id,
            moment,
            transaction_id=None if transaction is None else transaction.key,
            transaction_start=None if transaction is None else transaction.start_time,
            sharers=len(self.transactions()),
        )

    def next_limit_us(self, transaction: Transaction) -> int | None:
        """Device time at which another limit may hold."""
        change = self.charging_profiles.next_change(self.clock.now(), transaction.start_time)
        return None if change is None else self.clock.to_us(change)

    def read(self, connector: Connector) -> Reading:
        """What the meter of a connector shows now."""
        transaction = connector.transaction
        start = None if transaction is None else transaction.meter_start_wh
        return self.profile.read(connector.meter, self.clock, start)

    def _authorize_offline(self, id_tag: str) -> str:
        if not self.configuration.flag(Role.OFFLINE_AUTHORIZATION):
            return "Invalid"
        listed = self.local_list.status(id_tag, self.clock.now()) if self.configuration.flag(Role.LOCAL_LIST) else None
        # A tag never seen before may charge too, if so configured: what it turns out to be is settled on reconnect.
        unknown = ACCEPTED if self.configuration.flag(Role.OFFLINE_UNKNOWN) else "Invalid"
        return listed or self.known_tags.get(id_tag.upper(), unknown)

    async def tell(self, action: str, request: Any) -> bool:
        """Send what may get lost: False when it did, and a failure with a connection is a problem."""
        try:
            await self.call(request)
        except LinkDown:
            return False
        except CallFailed as failure:
            self.problem(action, str(failure))
            return False
        return True

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s: %s", self.identity, error, exc_info=error)
