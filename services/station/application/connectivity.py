"""Who is online: letting charge points in, and taking in what the edge nodes report of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.chassis.pagination import Page, PageRequest
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, not_found
from services.station.application.connectors import stale_epoch
from services.station.domain.charge_point import (
    BootReport,
    ChargePoint,
    ChargePointState,
    Refusal,
    admitted,
    booted,
    is_identity,
)
from services.station.domain.connection import (
    USUAL_LEASE,
    ClosedConnection,
    Connection,
    ConnectionAttempt,
    Sighting,
    holds,
)
from services.station.domain.events import ChargePointBooted, ConnectivityChanged
from services.station.ports import Work, Works

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

    def __init__(self, works: Works, clock: Clock, policy: Policy) -> None:
        self._works = works
        self._clock = clock
        self._policy = policy

    async def open(self, attempts: Sequence[ConnectionAttempt]) -> list[Admission | DomainError]:
        """Let charge points in; for each attempt the admission or why it is refused.

        Of several attempts of one charge point the last makes the newest connection.
        """
        # Whatever cannot be an identity is not looked for either.
        names = sorted({attempt.charge_point_id for attempt in attempts if is_identity(attempt.charge_point_id)})
        async with self._works() as work:
            if self._policy.allow_unknown:
                # Before anything is locked; others may be adding the same.
                known = await work.charge_points.known(names)
                await work.charge_points.add_missing(self._strangers([name for name in names if name not in known]))
            points = await work.charge_points.find_all(names)
            verdicts = [_verdict(points.get(attempt.charge_point_id), attempt) for attempt in attempts]
            let_in = [
                (attempt, verdict)
                for attempt, verdict in zip(attempts, verdicts, strict=True)
                if isinstance(verdict, ChargePoint)
            ]
            # A password that was used for the first time is confirmed by it.
            confirmed = {point.id: point for _, point in let_in if point is not points[point.id]}
            await work.charge_points.replace(list(confirmed.values()))
            epochs = iter(await self._connect(work, let_in))
        return [
            Admission(verdict, next(epochs), self._interval(verdict)) if isinstance(verdict, ChargePoint) else verdict
            for verdict in verdicts
        ]

    async def close(self, connections: Sequence[ClosedConnection]) -> list[DomainError | None]:
        """Close connections; one that is not the newest of its charge point is refused with STALE_EPOCH. Idempotent."""
        async with self._works() as work:
            await self._close(work, connections)
            newest = await work.connections.newest([connection.charge_point_id for connection in connections])
        known = {(charge_point_id, connection.epoch) for charge_point_id, connection in newest.items()}
        return [
            None if (closed.charge_point_id, closed.epoch) in known else stale_epoch(closed.charge_point_id)
            for closed in connections
        ]

    async def boot(self, boots: Sequence[BootReport]) -> list[BootAnswer | DomainError]:
        """Record boots; for each what the charge point is told. One from a connection that is not the newest is
        refused with STALE_EPOCH."""
        async with self._works() as work:
            # Locked first: no newer connection comes between the look at the epochs and the change.
            points = dict(await work.charge_points.find_all([boot.charge_point_id for boot in boots]))
            newest = await work.connections.newest(list(points))
            current = [boot for boot in boots if holds(newest.get(boot.charge_point_id), boot.epoch)]
            for boot in current:
                points[boot.charge_point_id] = booted(points[boot.charge_point_id], boot)
            await work.charge_points.replace([points[name] for name in {boot.charge_point_id for boot in current}])
            await work.publish(
                [ChargePointBooted(charge_point=points[boot.charge_point_id], reason=boot.reason) for boot in current]
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
        async with self._works() as work:
            await work.connections.renew_lease(node, node_address, self._clock.now() + lease)
            await work.connections.seen(sightings)
            newest = await work.connections.newest([sighting.charge_point_id for sighting in sightings])
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
            return await self._close(work, abandoned)

    async def forget_nodes(self) -> None:
        """Forget the edge nodes that have not reported for a day."""
        async with self._works() as work:
            await work.connections.forget_nodes(self._clock.now() - _NODE_MEMORY)

    def _strangers(self, names: Sequence[str]) -> list[ChargePoint]:
        now = self._clock.now()
        return [
            ChargePoint(id=name, state=ChargePointState.PENDING, create_time=now, update_time=now) for name in names
        ]

    async def _connect(self, work: Work, let_in: Sequence[tuple[ConnectionAttempt, ChargePoint]]) -> Sequence[int]:
        before = await work.connections.newest([point.id for _, point in let_in])
        now = self._clock.now()
        for node, address in sorted({(attempt.node, attempt.node_address) for attempt, _ in let_in}):
            # A connection on a node that has not reported yet would count as abandoned.
            await work.connections.renew_lease(node, address, now + self._policy.node_lease)
        epochs = await work.connections.open([attempt for attempt, _ in let_in], now)
        opened = {point.id: (point, epoch) for (_, point), epoch in zip(let_in, epochs, strict=True)}
        await work.publish(
            [
                ConnectivityChanged(charge_point_id=point.id, station_id=point.station_id, online=True, epoch=epoch)
                for point, epoch in opened.values()
                if point.id not in before or not before[point.id].is_open
            ]
        )
        return epochs

    async def _close(self, work: Work, connections: Sequence[ClosedConnection]) -> int:
        """Close those that are open under the epoch given, and tell of it; how many there were."""
        points = await work.charge_points.find_all([connection.charge_point_id for connection in connections])
        newest = await work.connections.newest(list(points))
        ending = {
            closed.charge_point_id: closed
            for closed in connections
            if holds(newest.get(closed.charge_point_id), closed.epoch)
        }
        await work.connections.close(list(ending), self._clock.now())
        await work.publish(
            [
                ConnectivityChanged(
                    charge_point_id=closed.charge_point_id,
                    station_id=points[closed.charge_point_id].station_id,
                    online=False,
                    epoch=closed.epoch,
                    reason=closed.reason,
                )
                for closed in ending.values()
            ]
        )
        return len(ending)

    def _interval(self, charge_point: ChargePoint) -> int:
        return charge_point.heartbeat_interval_seconds or self._policy.heartbeat_interval_seconds


def _verdict(charge_point: ChargePoint | None, attempt: ConnectionAttempt) -> ChargePoint | DomainError:
    if charge_point is None:
        return not_found("charge point", attempt.charge_point_id)
    verdict = admitted(charge_point, attempt)
    if isinstance(verdict, Refusal):
        return DomainError(ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS", "the credentials do not match")
    return verdict
