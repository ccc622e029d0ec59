"""Who is online: letting charge points in, and taking in what the edge nodes report of them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, not_found
from services.kernel.identity import is_identity
from services.kernel.pagination import Page, PageRequest
from services.kernel.refusal import Rule
from services.kernel.tenancy import owner_of_new
from services.station.application.connectors import stale_epoch
from services.station.domain.admission import Denial, Entry, judged
from services.station.domain.batch import Changes, Points
from services.station.domain.charge_point import (
    BootReport,
    ChargePoint,
    ChargePointState,
    booted,
)
from services.station.domain.connection import (
    USUAL_LEASE,
    ClosedConnection,
    Connection,
    ConnectionAttempt,
    Newest,
    Opened,
    Sighting,
    holds,
    numbered,
)
from services.station.domain.events import ChargePointBooted, ConnectivityChanged
from services.station.domain.quirks import QuirkProfile, profile_of
from services.station.ports import ReportBatches, UnitsOfWork

_ABANDONED_AT_ONCE = 500
_NODE_MEMORY = timedelta(days=1)
_USUAL_KIND = ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS"
_KINDS = {
    Rule.UNKNOWN_IDENTITY: (ErrorKind.NOT_FOUND, "CHARGE_POINT_NOT_FOUND"),
    Rule.TOO_MANY_UNKNOWN: (ErrorKind.NOT_FOUND, "CHARGE_POINT_NOT_FOUND"),
    Rule.SECURITY_PROFILE_TOO_LOW: (ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED"),
    Rule.PINNED_PROTOCOL_NOT_OFFERED: (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD"),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every charge point: its heartbeat unless it has its own, whether unknown ones may come in to wait
    for an operator, and how many at most.

    `node_lease` is that of an edge node until it reports by itself.
    """

    heartbeat_interval_seconds: int
    allow_unknown: bool
    node_lease: timedelta = USUAL_LEASE
    most_unknown: int = 1000


@dataclass(frozen=True, slots=True)
class Admission:
    """A charge point that was let in."""

    charge_point: ChargePoint
    epoch: int
    heartbeat_interval_seconds: int
    protocol: str


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """What a charge point is told at boot."""

    state: ChargePointState
    interval_seconds: int
    quirk_profile: QuirkProfile


def _nobody_waits(_booted: Iterable[ChargePoint]) -> None: ...


class Connectivity:
    """The use cases of connections. Each method is one unit of work on a batch. `on_boots` is told who has booted, once
    that is stored."""

    def __init__(
        self,
        units_of_work: UnitsOfWork,
        batches: ReportBatches,
        clock: Clock,
        policy: Policy,
        on_boots: Callable[[Iterable[ChargePoint]], None] = _nobody_waits,
    ) -> None:
        self._units_of_work = units_of_work
        self._batches = batches
        self._clock = clock
        self._policy = policy
        self._on_boots = on_boots

    async def open(self, attempts: Sequence[ConnectionAttempt]) -> list[Admission | DomainError]:
        """Let charge points in; for each attempt the admission or why it is refused.

        Of several attempts of one charge point the last makes the newest connection.
        """
        # Whatever cannot be an identity is not looked for either.
        names = {attempt.charge_point_id for attempt in attempts if is_identity(attempt.charge_point_id)}
        unknown = self._unknown(names) if self._policy.allow_unknown else ()
        async with self._batches() as batch:
            known = await batch.points(names, unknown, self._policy.most_unknown)
            points = known.charge_points
            verdicts = [self._judged(points.get(attempt.charge_point_id), attempt) for attempt in attempts]
            let_in = [
                _speaking(attempt, verdict.protocol)
                for attempt, verdict in zip(attempts, verdicts, strict=True)
                if isinstance(verdict, Entry)
            ]
            opened = numbered(let_in, known.newest)
            entered = [verdict.charge_point for verdict in verdicts if isinstance(verdict, Entry)]
            # A password that was used for the first time is confirmed by it.
            confirmed = {point.id: point for point in entered if point is not points[point.id]}
            await batch.commit(self._opening(opened, known, confirmed.values()))
        epochs = (connection.epoch for connection in opened)
        return [
            _error(verdict) if isinstance(verdict, Denial) else self._admission(verdict, next(epochs))
            for verdict in verdicts
        ]

    async def close(self, connections: Sequence[ClosedConnection]) -> list[DomainError | None]:
        """Close connections; one that is not the newest of its charge point is refused with STALE_EPOCH. Idempotent."""
        newest, _ = await self._close(connections)
        known = {(charge_point_id, connection.epoch) for charge_point_id, connection in newest.items()}
        return [
            None if (closed.charge_point_id, closed.epoch) in known else stale_epoch(closed.charge_point_id)
            for closed in connections
        ]

    async def boot(self, boots: Sequence[BootReport]) -> list[BootAnswer | DomainError]:
        """Record boots; for each what the charge point is told. One from a connection that is not the newest is
        refused with STALE_EPOCH."""
        async with self._batches() as batch:
            known = await batch.points({boot.charge_point_id for boot in boots})
            points, newest = dict(known.charge_points), known.newest
            current = [boot for boot in boots if holds(newest.get(boot.charge_point_id), boot.epoch)]
            for boot in current:
                points[boot.charge_point_id] = booted(points[boot.charge_point_id], boot)
            await batch.commit(
                Changes(
                    time=self._clock.now(),
                    booted=[points[name] for name in {boot.charge_point_id for boot in current}],
                    events=[
                        ChargePointBooted(charge_point=points[boot.charge_point_id], reason=boot.reason)
                        for boot in current
                    ],
                )
            )
        self._on_boots(points[name] for name in {boot.charge_point_id for boot in current})
        return [
            self._boot_answer(points[boot.charge_point_id])
            if holds(newest.get(boot.charge_point_id), boot.epoch)
            else stale_epoch(boot.charge_point_id)
            for boot in boots
        ]

    async def live(self, node: str, node_address: str, lease: timedelta, sightings: Sequence[Sighting]) -> list[str]:
        """Renew the lease of a node and note what it has heard.

        Returns the charge points whose connection on this node is not the open one any more: a newer one was made, or
        this one was given up while the node did not report. Their sockets are to be closed.
        """
        async with self._batches() as batch:
            newest = await batch.live(node, node_address, self._clock.now() + lease, sightings)
        return [seen.charge_point_id for seen in sightings if not holds(newest.get(seen.charge_point_id), seen.epoch)]

    async def find(self, charge_point_id: str) -> Connection:
        """Raises: CONNECTION_NOT_FOUND."""
        async with self._units_of_work() as work:
            connection = await work.connections.find(charge_point_id, self._clock.now())
        if connection is None:
            raise not_found("connection", charge_point_id)
        return connection

    async def page(self, page: PageRequest) -> Page[Connection]:
        """One page of the open connections by charge point."""
        async with self._units_of_work() as work:
            return await work.connections.page(page, self._clock.now())

    async def close_abandoned(self) -> int:
        """Close connections of edge nodes whose lease has run out, up to a batch; how many."""
        async with self._units_of_work() as work:
            abandoned = await work.connections.abandoned(self._clock.now(), _ABANDONED_AT_ONCE)
        if not abandoned:
            return 0
        _, closed = await self._close(abandoned)
        return closed

    async def forget_nodes(self) -> timedelta | None:
        """Forget the edge nodes that have not reported for a day. Returns how long it takes until a lease runs out,
        unless its node reports; None without nodes."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            await work.connections.forget_nodes(now - _NODE_MEMORY)
            end = await work.connections.next_lease_end(now)
        return None if end is None else end - now

    def _unknown(self, names: Collection[str]) -> list[ChargePoint]:
        now = self._clock.now()
        return [
            ChargePoint(
                id=name,
                create_time=now,
                update_time=now,
                tenant_id=owner_of_new(),
                state=ChargePointState.PENDING,
                is_unknown=True,
            )
            for name in names
        ]

    def _judged(self, charge_point: ChargePoint | None, attempt: ConnectionAttempt) -> Entry | Denial:
        if charge_point is None and self._policy.allow_unknown and is_identity(attempt.charge_point_id):
            return Denial(Rule.TOO_MANY_UNKNOWN, "too many unknown charge points wait to be accepted")
        return judged(charge_point, attempt)

    def _opening(self, opened: Sequence[Opened], known: Points, confirmed: Collection[ChargePoint]) -> Changes:
        """What letting these in changes. That a charge point is online is told when it was not before."""
        now, newest = self._clock.now(), {connection.attempt.charge_point_id: connection for connection in opened}
        return Changes(
            time=now,
            confirmed=confirmed,
            opened=newest.values(),
            # A connection on a node that has not reported yet would count as abandoned.
            nodes={connection.attempt.node: connection.attempt.node_address for connection in opened},
            lease=self._policy.node_lease,
            events=[
                ConnectivityChanged(
                    charge_point_id=name,
                    station_id=known.charge_points[name].station_id,
                    online=True,
                    epoch=connection.epoch,
                    state=known.charge_points[name].state,
                    tenant_id=known.charge_points[name].tenant_id,
                )
                for name, connection in newest.items()
                if name not in known.newest or not known.newest[name].is_open
            ],
        )

    async def _close(self, connections: Sequence[ClosedConnection]) -> tuple[Mapping[str, Newest], int]:
        """Close those that are open under the epoch given, and tell of it.

        Returns what the newest connections were, and how many were closed.
        """
        async with self._batches() as batch:
            known = await batch.places({connection.charge_point_id for connection in connections})
            ending = {
                closed.charge_point_id: closed
                for closed in connections
                if holds(known.newest.get(closed.charge_point_id), closed.epoch)
            }
            events = [
                ConnectivityChanged(
                    charge_point_id=closed.charge_point_id,
                    station_id=known.station_ids[closed.charge_point_id],
                    online=False,
                    epoch=closed.epoch,
                    reason=closed.reason,
                    state=known.states[closed.charge_point_id],
                    tenant_id=known.tenant_ids[closed.charge_point_id],
                )
                for closed in ending.values()
            ]
            await batch.commit(Changes(time=self._clock.now(), closed=ending.keys(), events=events))
        return known.newest, len(ending)

    def _admission(self, entry: Entry, epoch: int) -> Admission:
        return Admission(entry.charge_point, epoch, self._interval(entry.charge_point), entry.protocol)

    def _boot_answer(self, charge_point: ChargePoint) -> BootAnswer:
        return BootAnswer(charge_point.state, self._interval(charge_point), profile_of(charge_point))

    def _interval(self, charge_point: ChargePoint) -> int:
        return charge_point.heartbeat_interval_seconds or self._policy.heartbeat_interval_seconds


def _speaking(attempt: ConnectionAttempt, protocol: str) -> ConnectionAttempt:
    return attempt if attempt.protocol == protocol else attempt._replace(protocol=protocol)


def _error(denial: Denial) -> DomainError:
    """The failure that an attempt ends with; its metadata name the rule."""
    kind, reason = _KINDS.get(denial.rule, _USUAL_KIND)
    return DomainError(kind, reason, denial.message, {"rule": denial.rule})
