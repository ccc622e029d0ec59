"""Brings commands to their charge points, notes what they answer, and looks after those that wait."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, failed_precondition, not_found
from services.kernel.redaction import without
from services.kernel.tenancy import as_tenant, set_tenant
from services.process import tracing
from services.process.heartbeats import repeat
from services.process.shares import Shares
from services.process.stirring import AT_REST_SECONDS, Rest
from services.transaction.domain.command import (
    ROTATE_PASSWORD,
    Ask,
    Command,
    CommandState,
    LateReply,
    Reply,
    answered,
    answered_late,
    expired,
    failed,
    given_up,
    is_outcome,
    not_asked,
    queued,
    sent,
    was_not_taken,
    without_secrets,
)
from services.transaction.domain.commands import KINDS
from services.transaction.domain.events import CommandChanged
from services.transaction.ports import ChargePoints, Edge, UnitOfWork, UnitsOfWork

_PACE_SECONDS = 1.0
_AT_ONCE = 50
_LEAST_SECONDS = 0.1
# The one that holds the socket, and the one that the charge point has moved to meanwhile.
_NODES_ASKED = 2
# How long a charge point may take to answer a command that nobody waits for. Those behind one that was sent longer ago
# than the other time do not wait for it: whoever sent it is gone.
_PATIENCE, _FORGOTTEN = timedelta(seconds=30), timedelta(minutes=1)
# After this long nobody delivers a command any more; and for so long an edge node surely knows what it was answered.
_LONGEST_DELIVERY, _RECALLED = timedelta(seconds=150), timedelta(minutes=9)
# Usually its charge point tells that it is online again; a lost event must not keep a command waiting for ever. Of many
# that wait long for charge points that are gone, each is tried ever more seldom.
_RETRY, _LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=1)

_log = logging.getLogger(__name__)


class Delivery:
    """Delivers commands. What was begun is brought to an end, also when the caller does not wait for it."""

    def __init__(self, units_of_work: UnitsOfWork, charge_points: ChargePoints, edge: Edge, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._charge_points = charge_points
        self._edge = edge
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        # Of the queued ones that are on their way.
        self._shares = Shares(_AT_ONCE)
        self._rest = Rest()
        # When something is due, as far as the last look knew; then the next one is whole.
        self._due_time = self._recall_time = clock.now()

    async def deliver(self, command: Command, ask: Ask, timeout: timedelta, *, keep: bool) -> Command:
        """Deliver what a command that is SENT asks for, and return it with the answer.

        With `keep` it is queued again when the charge point turns out to be offline. Raises, after noting it, what
        Edge.deliver raises, and CHARGE_POINT_OFFLINE.
        """
        return await asyncio.shield(self._begin(self._deliver(command, ask, timeout, keep=keep)))

    async def run(self) -> None:
        """Deliver queued commands when they are due and let overdue ones expire, until cancelled."""
        await repeat(self._look, _PACE_SECONDS, _PACE_SECONDS, self._rest)

    async def _look(self) -> float:
        """Most looks are for what has nothing to do with commands, and only ask whether any is due."""
        self._recall_some()
        now = self._clock.now()
        next_time = await self._next_time(now)
        if now < self._due_time and now < next_time:
            self._due_time = min(self._due_time, next_time)
        else:
            if await self.deliver_due() + await self.expire_overdue():
                self._due_time = now
                return _PACE_SECONDS
            self._due_time = await self._next_time(now)
        left = (self._due_time - now).total_seconds()
        return min(max(left, _PACE_SECONDS), AT_REST_SECONDS)

    async def _next_time(self, now: datetime) -> datetime:
        """When the next command is due by itself, or expires; at the latest when a look is due in any case."""
        async with self._units_of_work.reading() as work:
            time = await work.commands.next_time(now)
        latest = now + timedelta(seconds=AT_REST_SECONDS)
        return latest if time is None else min(time, latest)

    async def take_late(self, command_id: str, charge_point_id: str, late: LateReply) -> None:
        """Note what a charge point answered when it was no longer waited for. Raises: COMMAND_NOT_FOUND."""
        async with self._units_of_work() as work:
            current = await work.commands.find(command_id, for_update=True)
            if current is None or current.charge_point_id != charge_point_id:
                raise not_found("command", command_id)
            await store_change(work, current, answered_late(current, late, self._clock.now()))
        if current.kind == ROTATE_PASSWORD and late.reply is not None and not late.reply.accepted:
            set_tenant(current.tenant_id)
            await self._withdraw_password(current)

    def look_soon(self) -> None:
        """There is something to deliver."""
        self._rest.hurry()

    async def deliver_due(self) -> int:
        """Begin to deliver the queued commands that are due and next at their charge points; how many."""
        due: list[Command] = []
        try:
            async with self._units_of_work() as work:
                while await self._take_due(work, due):
                    pass
                await work.publish([changed_event(command) for command in due])
        except BaseException:
            for command in due:
                self._shares.give_back(command.tenant_id)
            raise
        for command in due:
            self._begin(self._deliver_queued(command))
        return len(due)

    async def _take_due(self, work: UnitOfWork, due: list[Command]) -> bool:
        """Add to `due` some that are, SENT from now on; whether one tenant had too many, and others may come next."""
        left = _AT_ONCE - self._shares.taken
        if left <= 0:
            return False
        now = self._clock.now()
        found = await work.commands.due(now, now - _FORGOTTEN, left, self._shares.full)
        taken = [sent(command, now) for command in found if self._shares.take(command.tenant_id)]
        due += taken
        for command in taken:
            await work.commands.replace(command)
        return len(taken) < len(found)

    async def expire_overdue(self) -> int:
        """Let go of commands whose time is over; how many."""
        async with self._units_of_work() as work:
            now = self._clock.now()
            overdue = [expired(command, now) for command in await work.commands.overdue(now, _AT_ONCE)]
            for command in overdue:
                await work.commands.replace(command)
            await work.publish([changed_event(command) for command in overdue])
        return len(overdue)

    async def recall_forgotten(self) -> None:
        """Ask the edge what became of commands whose sender is gone: each gets its answer, is queued again when its
        charge point was not asked, or fails because nobody knows any more."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            forgotten = await work.commands.forgotten(now, now - _FORGOTTEN)
        for command in forgotten:
            with as_tenant(command.tenant_id):
                await self._recall(command, now - command.update_time)

    async def close(self) -> None:
        """Return when every delivery that was begun has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _recall_some(self) -> None:
        """Now and then, and beside the rest: an edge node that does not answer holds up nobody."""
        now = self._clock.now()
        if now >= self._recall_time:
            self._recall_time = now + _FORGOTTEN
            self._begin(self.recall_forgotten())

    async def _recall(self, command: Command, age: timedelta) -> None:
        is_over = age > _RECALLED
        try:
            address = await self._charge_points.edge_address(command.charge_point_id)
            reply = None if address is None else await self._edge.recall(address, command, age)
            if reply is not None:
                await self._change(command, partial(self._recalled, reply=without_secrets(reply, ())))
                return
            if address is not None and age > _LONGEST_DELIVERY:
                await self._change(command, lambda current: not_asked(current, self._clock.now()))
                return
        except DomainError as error:
            if is_outcome(error):
                note = f"{error.reason}: {error.message}"
                await self._change(command, lambda current: failed(current, note, self._clock.now()))
                return
            # Of one with a secret no node keeps the answer.
            is_over |= error.reason == "COMMAND_NOT_FOUND" and age > _LONGEST_DELIVERY
        if is_over:
            await self._change(command, lambda current: given_up(current, self._clock.now()))

    def _recalled(self, command: Command, reply: Reply) -> Command:
        """Unless somebody was quicker."""
        return answered(command, reply, self._clock.now()) if command.state is CommandState.SENT else command

    def _begin(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # The caller may have left before it failed.
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, DomainError):
            _log.error("a command could not be delivered", exc_info=error)

    async def _deliver_queued(self, command: Command) -> None:
        try:
            # One with a secret is never queued: this is all of it.
            await self._deliver(command, Ask(command.kind, command.body), _PATIENCE, keep=True)
        except DomainError as error:
            _log.info("queued command %s failed: %s", command.id, error.message)
        finally:
            self._shares.give_back(command.tenant_id)
            # The next one of its charge point need not wait for the next look.
            self._rest.hurry()

    async def _deliver(self, command: Command, ask: Ask, timeout: timedelta, *, keep: bool) -> Command:
        # In a task of its own. What is not its tenant's is not there for a command either.
        set_tenant(command.tenant_id)
        waited = command.trace and tracing.here() is None
        asked_in = {tracing.PARENT_KEY: command.trace} if waited else None
        with tracing.span("deliver command", attributes=_about(command), parent=asked_in) as span:
            settled = await self._settled(command, ask, timeout, keep=keep)
            span.note({"csms.command_state": settled.state.name})
            return settled

    async def _settled(self, command: Command, ask: Ask, timeout: timedelta, *, keep: bool) -> Command:
        asked: set[str] = set()
        try:
            if ask.kind == ROTATE_PASSWORD:
                await self._charge_points.stage_password(command.charge_point_id, command.id, ask.body["password"])
            reply = await self._reach(command, ask, timeout, asked)
        except DomainError as error:
            was_untouched = was_not_taken(error, len(asked))
            if ask.kind == ROTATE_PASSWORD and was_untouched:
                await self._withdraw_password(command)
            is_away = error.reason == "CHARGE_POINT_OFFLINE" and command.waits_offline
            if keep and (error.kind is ErrorKind.UNAVAILABLE or is_away):
                return await self._change(command, lambda current: self._queued_again(current))
            note: str = without(f"{error.reason}: {error.message}", ask.secrets)
            await self._change(command, lambda current: failed(current, note, self._clock.now()))
            if KINDS[ask.kind].moves_file and was_untouched:
                await self._settle_file_job(command, accepted=False, error=note)
            raise
        if ask.kind == ROTATE_PASSWORD and not reply.accepted:
            await self._withdraw_password(command)
        if KINDS[ask.kind].moves_file:
            await self._settle_file_job(command, accepted=reply.accepted, status=reply.status, error=reply.error)
        kept = without_secrets(reply, ask.secrets)
        return await self._change(command, lambda current: answered(current, kept, self._clock.now()))

    async def _withdraw_password(self, command: Command) -> None:
        """All is as it was; where that cannot be said, the charge point does not know what is valid besides."""
        try:
            await self._charge_points.withdraw_password(command.charge_point_id, command.id)
        except DomainError as error:
            _log.warning("the password that command %s did not set stays valid: %s", command.id, error.message)

    async def _settle_file_job(self, command: Command, *, accepted: bool, status: str = "", error: str = "") -> None:
        """Without it the job goes by what its charge point notifies, or times out."""
        try:
            await self._charge_points.settle_file_job(command.id, accepted, status, error)
        except DomainError as failure:
            _log.warning("what became of command %s is not known to its file job: %s", command.id, failure.message)

    async def _reach(self, command: Command, ask: Ask, timeout: timedelta, asked: set[str]) -> Reply:
        """Ask the edge node that holds the socket; once more when it has moved meanwhile. `asked` gets those asked."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout.total_seconds()
        address = await self._charge_points.edge_address(command.charge_point_id)
        body = ask.body
        if address is not None and KINDS[ask.kind].moves_file:
            # Each time anew: a link is kept nowhere.
            body = await self._charge_points.prepare_file_job(command, ask.body)
        while address is not None:
            asked.add(address)
            left = timedelta(seconds=max(deadline - loop.time(), _LEAST_SECONDS))
            try:
                return await self._edge.deliver(address, command, body, left)
            except DomainError as error:
                is_gone = error.reason == "CONNECTION_NOT_FOUND"
                if not is_gone and error.kind is not ErrorKind.UNAVAILABLE:
                    # It has, or may have, reached the charge point.
                    raise
                address = await self._charge_points.edge_address(command.charge_point_id)
                if not is_gone and (address in asked or len(asked) == _NODES_ASKED):
                    raise
                if address in asked or len(asked) == _NODES_ASKED:
                    break
        raise offline(command.charge_point_id)

    def _queued_again(self, command: Command) -> Command:
        now = self._clock.now()
        wait = min(max(now - command.create_time, _RETRY), _LONGEST_RETRY)
        return queued(command, now + wait, now) if command.state is CommandState.SENT else command

    async def _change(self, command: Command, change: Callable[[Command], Command]) -> Command:
        """Apply `change` to the command as it stands by now."""
        async with self._units_of_work() as work:
            current = await work.commands.find(command.id, for_update=True)
            if current is None:
                raise not_found("command", command.id)
            return await store_change(work, current, change(current))


async def store_change(work: UnitOfWork, before: Command, command: Command) -> Command:
    """Store `command`, which was `before`, and tell of it when its state is another one."""
    await work.commands.replace(command)
    if command.state is not before.state:
        await work.publish([changed_event(command)])
    return command


def _about(command: Command) -> tracing.Attributes:
    return {
        "csms.command_id": command.id,
        "csms.command_kind": command.kind,
        "csms.charge_point_id": command.charge_point_id,
    }


def changed_event(command: Command) -> CommandChanged:
    """What is told of a command that reached another state."""
    return CommandChanged(command.id, command.charge_point_id, command.kind, command.state, command.tenant_id)


def offline(charge_point_id: str, *, is_secret: bool = False) -> DomainError:
    """The failure of a command to a charge point that is not connected; one with a secret cannot wait for it."""
    why = ", and a command with a secret is not kept until it is" if is_secret else ""
    return failed_precondition("CHARGE_POINT_OFFLINE", f"charge point {charge_point_id} is not connected{why}")
