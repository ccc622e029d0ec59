"""Who is online: letting charge points in, and taking in what the edge nodes report of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.chassis.pagination import Page, PageRequest
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, not_found
from services.kernel.identity import is_identity
from services.station.application.connectors import stale_epoch
from services.station.domain.batch import Changes, Points
from services.station.domain.charge_point import (
    BootReport,
    ChargePoint,
    ChargePointState,
    Refusal,
    admitted,
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
from services.station.ports import BatchWorks, Works

_ABANDONED_AT_ONCE = 500
_NODE_MEMORY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every charge point: its heartbeat unless it has its own, and whether strangers may knock.

    `node_lease` is that of an edge node until it reports by itself.
    """

    heartbeat_interval_seconds: int
    allow_unknown: bool
    node_lease: timedelta = USUAL_LEASE


@dataclass(frozen=True, slots=True)
class Admission:
    """A charge point that was let in."""

    charge_point: ChargePoint
    epoch: int
    heartbeat_interval_seconds: int


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """What a charge point is told at boot."""

    state: ChargePointState
    interval_seconds: int


class Connectivity:
    """The use cases of connections. Each method is one unit of work on a batch."""

    def __init__(self, works: Works, batches: BatchWorks, clock: Clock, policy: Policy) -> None:
        self._works = works
        self._batches = batches
        self._clock = clock
        self._policy = policy

    async def open(self, attempts: Sequence[ConnectionAttempt]) -> list[Admission | DomainError]:
        """Let charge points in; for each attempt the admission or why it is refused.

        Of several attempts of one charge point the last makes the newest connection.
        """
        # Whatever cannot be an identity is not looked for either.
        names = {attempt.charge_point_id for attempt in attempts if is_identity(attempt.charge_point_id)}
        strangers = self._strangers(names) if self._policy.allow_unknown else ()
        async with self._batches() as batch:
            known = await batch.points(names, strangers)
            points = known.charge_points
            verdicts = [_verdict(points.get(attempt.charge_point_id), attempt) for attempt in attempts]
            let_in = [
                attempt for attempt, verdict in zip(attempts, verdicts, strict=True) if isinstance(verdict, ChargePoint)
            ]
            opened = numbered(let_in, known.newest)
            # A password that was used for the first time is confirmed by it.
            confirmed = {
                verdict.id: verdict
                for verdict in verdicts
                if isinstance(verdict, ChargePoint) and verdict is not points[verdict.id]
            }
            await batch.commit(self._opening(opened, known, confirmed.values()))
        epochs = (connection.epoch for connection in opened)
        return [
            Admission(verdict, next(epochs), self._interval(verdict)) if isinstance(verdict, ChargePoint) else verdict
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
        return [
            BootAnswer(points[boot.charge_point_id].state, self._interval(points[boot.charge_point_id]))
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
        async with self._works() as work:
            connection = await work.connections.find(charge_point_id, self._clock.now())
        if connection is None:
            raise not_found("connection", charge_point_id)
        return connection

    async def page(self, page: PageRequest) -> Page[Connection]:
        """One page of the open connections by charge point."""
        async with self._works() as work:
            return await work.connections.page(page, self._clock.now())

    async def close_abandoned(self) -> int:
        """Close connections of edge nodes whose lease has run out, up to a batch; how many."""
        async with self._works() as work:
            abandoned = await work.connections.abandoned(self._clock.now(), _ABANDONED_AT_ONCE)
        if not abandoned:
            return 0
        _, closed = await self._close(abandoned)
        return closed

    async def forget_nodes(self) -> None:
        """Forget the edge nodes that have not reported for a day."""
        async with self._works() as work:
            await work.connections.forget_nodes(self._clock.now() - _NODE_MEMORY)

    def _strangers(self, names: Collection[str]) -> list[ChargePoint]:
        now = self._clock.now()
        return [
            ChargePoint(id=name, state=ChargePointState.PENDING, create_time=now, update_time=now) for name in names
        ]

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
                )
                for closed in ending.values()
            ]
            await batch.commit(Changes(time=self._clock.now(), closed=ending.keys(), events=events))
        return known.newest, len(ending)

    def _interval(self, charge_point: ChargePoint) -> int:
        return charge_point.heartbeat_interval_seconds or self._policy.heartbeat_interval_seconds


def _verdict(charge_point: ChargePoint | None, attempt: ConnectionAttempt) -> ChargePoint | DomainError:
    if charge_point is None:
        return not_found("charge point", attempt.charge_point_id)
    verdict = admitted(charge_point, attempt)
    if isinstance(verdict, Refusal):
        return DomainError(ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS", "the credentials do not match")
    return verdict
