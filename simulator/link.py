"""Keeps one charge point connected: connect, register, deliver, beat, and come back when cut.

It decides when to connect and what may be sent; what the messages say belongs to the dialects.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.backoff import Backoff
from simulator.configuration import Role
from simulator.session import CallFailed, LinkDown, OcppSession
from simulator.transport import ConnectFailed, open_transport

if TYPE_CHECKING:
    from simulator.charge_point import ChargePoint

logger = logging.getLogger(__name__)

ACCEPTED = "Accepted"


@dataclass(frozen=True)
class Timing:
    """Real seconds that the hardware and the network take."""

    response_timeout: float = 30.0
    reboot: float = 1.0
    reconnect_first: float = 1.0
    reconnect_ceiling: float = 60.0
    boot_retry: float = 5.0


class Link:
    """The connection of one charge point, over all the sockets it will have.

    `registration` is the status of the last BootNotification; it outlives a socket, because a mere reconnect is no
    boot. `obedient`: whether it waits to be accepted. `failure` is why the last attempt to connect failed.
    """

    def __init__(self, station: "ChargePoint", timing: Timing) -> None:
        self._station = station
        self._timing = timing
        self._backoff = Backoff(timing.reconnect_first, timing.reconnect_ceiling)
        self.session: OcppSession | None = None
        self.registration: str | None = None
        self.boot_reason = "PowerUp"
        self.failure: ConnectFailed | None = None
        self.connects = 0
        self.obedient = True
        self._permitted = asyncio.Event()
        self._permitted.set()
        self._hurry = asyncio.Event()
        self._boot_now = asyncio.Event()
        self._rebooting = False
        self._announced = False
        self._changed = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether messages other than BootNotification may be sent."""
        return self.session is not None and self.registration == ACCEPTED

    @property
    def in_service(self) -> bool:
        """Whether it is ready and has told its status on this connection."""
        return self.ready and self._announced

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            await self._permitted.wait()
            try:
                session = await self._open()
            except ConnectFailed as failure:
                self.failure = failure
                self._notify()
                pause = self._backoff.next(failure.retry_after_seconds)
                logger.warning(
                    "%s: cannot connect: %s; next try in %.1f s",
                    self._station.identity,
                    failure,
                    pause,
                )
                await self._rest(pause)
                continue
            await self._hold(session)
            await self._rest(self._timing.reboot if self._rebooting else self._backoff.next())
            self._rebooting = False

    async def changed(self) -> None:
        """Return at the next change of connection or registration."""
        await self._changed.wait()

    def trigger_boot(self) -> None:
        """Register again now, whether or not a wait for it runs."""
        self._boot_now.set()

    async def reboot(self, reason: str) -> None:
        """Close the socket, be away for a moment, connect and boot."""
        self.forget_registration(reason)
        self._rebooting = True
        await self.reconnect()

    async def reconnect(self) -> None:
        """Close the socket and connect again; no boot."""
        if self.session is not None:
            await self.session.transport.close()

    def cut(self) -> None:
        """Lose the line without a close frame; unless paused it comes back by itself."""
        if self.session is not None:
            self.session.transport.abort()

    def pause(self) -> None:
        """Open no new connection; one that is open stays."""
        self._permitted.clear()

    def restore(self) -> None:
        """Allow connections again, at once."""
        self._backoff.reset()
        self._permitted.set()
        self._hurry.set()

    def forget_registration(self, boot_reason: str) -> None:
        """The station starts again: the next connection begins with a BootNotification."""
        self.registration = None
        self._station.configuration.restart()
        self.boot_reason = boot_reason

    async def close(self) -> None:
        """Hang up for good."""
        self._permitted.clear()
        if self.session is not None:
            await self.session.transport.close()

    async def _rest(self, seconds: float) -> None:
        """Wait before the next connection, unless `restore` says at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _open(self) -> OcppSession:
        station = self._station
        ping = station.configuration.integer(Role.PING_INTERVAL)
        transport = await open_transport(
            station.endpoint,
            station.identity,
            station.subprotocol,
            password=station.password,
            ping_interval_seconds=ping or None,
            sinks=station.sinks,
            distort=station.distort,
            tongue=station.tongue,
        )
        return station.open_session(transport)

    async def _hold(self, session: OcppSession) -> None:
        self.session, self.failure, self._announced = session, None, False
        self.connects += 1
        self._notify()
        reader = asyncio.create_task(session.serve())
        attendant = asyncio.create_task(self._attend(session))
        try:
            await asyncio.wait({reader, attendant}, return_when=asyncio.FIRST_COMPLETED)
            if attendant.done() and attendant.exception() is not None:
                session.transport.abort()
                attendant.result()
            await reader
        finally:
            self.session = None
            self._notify()
            for task in (reader, attendant):
                task.cancel()
            await asyncio.gather(reader, attendant, return_exceptions=True)

    async def _attend(self, session: OcppSession) -> None:
        """Everything the charge point does by itself while it is connected."""
        try:
            if self.registration != ACCEPTED:
                await self._register(session)
                await self._station.announce(all_connectors=True)
            else:
                await self._station.announce(all_connectors=False)
            self._backoff.reset()
            self._announced = True
            self._notify()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._deliver(session))
                group.create_task(self._beat())
                group.create_task(self._boot_when_triggered(session))
        except* LinkDown:
            logger.debug("%s: connection lost while attending", self._station.identity)

    async def _register(self, session: OcppSession) -> None:
        while True:
            self._boot_now.clear()
            pause = await self._boot(session)
            if self.registration == ACCEPTED:
                return
            try:
                async with asyncio.timeout(pause):
                    await self._boot_now.wait()
            except TimeoutError:
                continue

    async def _boot(self, session: OcppSession) -> float:
        """One BootNotification; returns the seconds until the next if this one was not accepted."""
        station = self._station
        request = station.boot_request(self.boot_reason)
        try:
            answer = await session.exchange(request, station.next_message_id())
        except LinkDown:
            raise
        except CallFailed as failure:
            station.problem("BootNotification", str(failure))
            return self._timing.boot_retry
        self.registration = str(answer.status) if self.obedient else ACCEPTED
        station.misbehaved += not self.obedient and answer.status != ACCEPTED
        interval = int(answer.interval)
        if self.registration == ACCEPTED and interval > 0:
            station.configuration.assign(Role.HEARTBEAT_INTERVAL, str(interval))
        self._notify()
        return float(interval) if interval > 0 else self._timing.boot_retry

    async def _boot_when_triggered(self, session: OcppSession) -> None:
        while True:
            await self._boot_now.wait()
            self.boot_reason = "Triggered"
            await self._register(session)

    async def _beat(self) -> None:
        configuration = self._station.configuration
        loop = asyncio.get_running_loop()
        beaten = loop.time()
        while True:
            # An interval of 0 switches heartbeats off until it is changed.
            interval = configuration.integer(Role.HEARTBEAT_INTERVAL)
            due = beaten + interval if interval else None
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await configuration.changed()
            if due is not None and loop.time() >= due:
                await self._station.heartbeat()
                beaten = loop.time()

    async def _deliver(self, session: OcppSession) -> None:
        """Send the queue in order, the head again and again until it is answered or given up."""
        station = self._station
        while True:
            message = await station.queue.head()
            while not self.ready:
                await self.changed()
            message.attempts += 1
            try:
                message_id = message.message_id if station.keeps_message_ids else station.next_message_id()
                station.misbehaved += station.keeps_message_ids and message.attempts > 1
                answer = await session.exchange(message.render(message), message_id)
            except LinkDown:
                # Cut off is no failed attempt: the message waits for the next connection.
                message.attempts -= 1
                raise
            except CallFailed as failure:
                message.attempted.set()
                station.problem(message.action, str(failure))
                if message.attempts >= station.configuration.integer(Role.MESSAGE_ATTEMPTS):
                    station.queue.give_up(message)
                    continue
                retry = station.configuration.integer(Role.MESSAGE_RETRY_INTERVAL)
                await asyncio.sleep(retry * message.attempts)
            else:
                station.queue.settle(message, answer)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
