"""Who is online: letting charge points in, and taking in what the edge nodes report of them."""

from collections.abc import Collection, Mapping, Sequence
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
from services.station.domain.connection import ClosedConnection, Connection, ConnectionAttempt, Sighting
from services.station.domain.events import ChargePointBooted, ConnectivityChanged
from services.station.ports import Work, Works

_ABANDONED_AT_ONCE = 500
_FIRST_LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every charge point: its heartbeat unless it has its own, and whether strangers may knock."""

    heartbeat_interval_seconds: int
    allow_unknown: bool


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
        """Let charge points in, at most one attempt each; for each the admission or why it is refused."""
        async with self._works() as work:
            points = dict(await work.charge_points.find_all([attempt.charge_point_id for attempt in attempts]))
            strangers = self._strangers(attempts, points.keys())
            await work.charge_points.add(strangers)
            points.update({stranger.id: stranger for stranger in strangers})
            verdicts = [_verdict(points.get(attempt.charge_point_id), attempt) for attempt in attempts]
            welcome = {point.id: point for point in verdicts if isinstance(point, ChargePoint)}
            # A password that was used for the first time is confirmed by it.
            await work.charge_points.replace([point for point in welcome.values() if point is not points[point.id]])
            epochs = await self._connect(work, attempts, welcome)
        return [
            verdict
            if isinstance(verdict, DomainError)
            else Admission(verdict, epochs[verdict.id], self._interval(verdict))
            for verdict in verdicts
        ]

    async def close(self, connections: Sequence[ClosedConnection]) -> list[DomainError | None]:
        """Close connections; one that is not the newest of its charge point is refused with STALE_EPOCH."""
        async with self._works() as work:
            closed = await work.connections.close(connections, self._clock.now())
            await _publish_offline(work, [closing for closing in connections if closing.charge_point_id in closed])
        return [
            None if closing.charge_point_id in closed else stale_epoch(closing.charge_point_id)
            for closing in connections
        ]

    async def boot(self, boots: Sequence[BootReport]) -> list[BootAnswer | DomainError]:
        """Record boots, at most one per charge point; for each what the charge point is told, or why it failed."""
        async with self._works() as work:
            points = await work.charge_points.find_all([boot.charge_point_id for boot in boots])
            epochs = await work.connections.epochs(list(points))
            changed, events = [], []
            for boot in boots:
                if epochs.get(boot.charge_point_id) == boot.epoch:
                    after = booted(points[boot.charge_point_id], boot)
                    changed.append(after)
                    events.append(ChargePointBooted(charge_point=after, reason=boot.reason))
            await work.charge_points.replace(changed)
            await work.publish(events)
        current = {charge_point.id: charge_point for charge_point in changed}
        return [self._boot_answer(current.get(boot.charge_point_id), boot) for boot in boots]

    async def live(self, node: str, node_address: str, lease: timedelta, sightings: Sequence[Sighting]) -> list[str]:
        """Renew the lease of a node and note what it has heard; the charge points it holds that are newer elsewhere."""
        async with self._works() as work:
            await work.connections.renew_lease(node, node_address, self._clock.now() + lease)
            await work.connections.seen(sightings)
            epochs = await work.connections.epochs([sighting.charge_point_id for sighting in sightings])
        return [seen.charge_point_id for seen in sightings if epochs.get(seen.charge_point_id, 0) > seen.epoch]

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
            closed = await work.connections.close_abandoned(self._clock.now(), _ABANDONED_AT_ONCE)
            await _publish_offline(work, closed)
        return len(closed)

    def _strangers(self, attempts: Sequence[ConnectionAttempt], known: Collection[str]) -> list[ChargePoint]:
        if not self._policy.allow_unknown:
            return []
        now = self._clock.now()
        names = {attempt.charge_point_id for attempt in attempts if is_identity(attempt.charge_point_id)}
        return [
            ChargePoint(id=name, state=ChargePointState.PENDING, create_time=now, update_time=now)
            for name in sorted(names.difference(known))
        ]

    async def _connect(
        self, work: Work, attempts: Sequence[ConnectionAttempt], welcome: Mapping[str, ChargePoint]
    ) -> Mapping[str, int]:
        before = await work.connections.epochs(list(welcome))
        admitted_attempts = [attempt for attempt in attempts if attempt.charge_point_id in welcome]
        now = self._clock.now()
        for node, address in {(attempt.node, attempt.node_address) for attempt in admitted_attempts}:
            # A connection on a node that has not reported yet would count as abandoned.
            await work.connections.renew_lease(node, address, now + _FIRST_LEASE)
        epochs = await work.connections.open(admitted_attempts, now)
        await work.publish(
            [
                ConnectivityChanged(
                    charge_point_id=point.id, station_id=point.station_id, online=True, epoch=epochs[point.id]
                )
                for point in welcome.values()
                if point.id not in before
            ]
        )
        return epochs

    def _boot_answer(self, charge_point: ChargePoint | None, boot: BootReport) -> BootAnswer | DomainError:
        if charge_point is None:
            return stale_epoch(boot.charge_point_id)
        return BootAnswer(charge_point.state, self._interval(charge_point))

    def _interval(self, charge_point: ChargePoint) -> int:
        return charge_point.heartbeat_interval_seconds or self._policy.heartbeat_interval_seconds


def _verdict(charge_point: ChargePoint | None, attempt: ConnectionAttempt) -> ChargePoint | DomainError:
    if charge_point is None:
        return not_found("charge point", attempt.charge_point_id)
    verdict = admitted(charge_point, attempt.password, attempt.security_profile)
    if isinstance(verdict, Refusal):
        return DomainError(ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS", "the credentials do not match")
    return verdict


async def _publish_offline(work: Work, closed: Sequence[ClosedConnection]) -> None:
    points = await work.charge_points.find_all([connection.charge_point_id for connection in closed])
    await work.publish(
        [
            ConnectivityChanged(
                charge_point_id=connection.charge_point_id,
                station_id=points[connection.charge_point_id].station_id,
                online=False,
                epoch=connection.epoch,
                reason=connection.reason,
            )
            for connection in closed
            if connection.charge_point_id in points
        ]
    )
