"""What callers can do with commands: ask for them, and look what became of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.process import tracing
from services.transaction.application.delivery import Delivery, changed_event, offline, store_change
from services.transaction.domain.command import (
    Command,
    CommandFilter,
    CommandOptions,
    CommandState,
    LateReply,
    RemoteStartQuery,
    asking_about,
    canceled,
)
from services.transaction.domain.commands import KINDS, check, meant
from services.transaction.domain.commands.remote_start import vouches_for
from services.transaction.domain.fact import transaction_id_of
from services.transaction.ports import ChargePoints, UnitsOfWork


class Commands:
    """The use cases of commands."""

    def __init__(
        self, units_of_work: UnitsOfWork, charge_points: ChargePoints, delivery: Delivery, clock: Clock
    ) -> None:
        self._units_of_work = units_of_work
        self._charge_points = charge_points
        self._delivery = delivery
        self._clock = clock

    async def page(self, narrowing: CommandFilter, page: PageRequest) -> Page[Command]:
        """One page of commands, the newest first."""
        async with self._units_of_work() as work:
            return await work.commands.page(narrowing, page)

    async def get(self, command_id: str) -> Command:
        """Raises: COMMAND_NOT_FOUND."""
        async with self._units_of_work() as work:
            return _found(await work.commands.find(command_id), command_id)

    async def cancel(self, command_id: str) -> Command:
        """Take a queued command back; idempotent. Raises: COMMAND_NOT_FOUND, COMMAND_NOT_QUEUED."""
        async with self._units_of_work() as work:
            found = _found(await work.commands.find(command_id, for_update=True), command_id)
            return await store_change(work, found, canceled(found, self._clock.now()))

    async def remote_starts(self, queries: Sequence[RemoteStartQuery]) -> list[bool]:
        """Whether the platform has started a transaction itself with each of these tokens, in order."""
        async with self._units_of_work() as work:
            started = await work.commands.remote_starts({query.place.charge_point_id for query in queries})
        return [any(vouches_for(command, runs, query) for command, runs in started) for query in queries]

    async def take_late(self, command_id: str, charge_point_id: str, late: LateReply) -> None:
        """Note what a charge point answered when it was no longer waited for; the first answer stays.

        Raises: COMMAND_NOT_FOUND.
        """
        await self._delivery.take_late(command_id, charge_point_id, late)

    async def issue(
        self,
        charge_point_id: str,
        kind: str,
        body: Mapping[str, Any],
        options: CommandOptions,
        requested_by: str,
        timeout: timedelta,
    ) -> Command:
        """Record a command, deliver it and return it with its answer, or queued. One with a secret is never queued.

        Idempotent by the request id, for each caller. Raises: INVALID_FIELD, CHARGE_POINT_NOT_FOUND,
        CHARGE_POINT_OFFLINE, NOT_SUPPORTED_BY_CHARGE_POINT, OCPP_SCHEMA_VIOLATION, OCPP_CALL_ERROR,
        CHARGE_POINT_TIMEOUT.
        """
        check(kind, body, options)
        ask, now = meant(kind, await self._named(charge_point_id, kind, body)), self._clock.now()
        keep = options.queue_while_offline and ask.can_wait
        is_online = await self._charge_points.edge_address(charge_point_id) is not None
        command = Command(
            id=new_id(),
            charge_point_id=charge_point_id,
            kind=ask.kind,
            body=ask.recorded,
            state=CommandState.SENT if is_online else CommandState.QUEUED,
            requested_by=requested_by,
            priority=options.priority or KINDS[ask.kind].priority,
            create_time=now,
            update_time=now,
            expire_time=now + options.life,
            # It may have come online since it was asked after.
            delivery_time=None if is_online else now,
            waits_offline=keep,
            trace=tracing.headers().get(tracing.PARENT_KEY, ""),
        )
        async with self._units_of_work() as work:
            if options.request_id:
                made = await work.remember(options.request_id, command.id)
                if made != command.id:
                    return _found(await work.commands.find(made), made)
            if not is_online and not keep:
                # Forgets the request id as well: the caller may try again.
                raise offline(charge_point_id, is_secret=not ask.can_wait)
            await work.commands.add(command)
            await work.publish([changed_event(command)])
        if not is_online:
            return command
        return await self._delivery.deliver(command, ask, min(timeout, options.life), keep=keep)

    async def _named(self, charge_point_id: str, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of a command about a transaction with both of its ids; that the platform does not know what a charge
        point calls one is no reason not to ask. Raises: TRANSACTION_NOT_FOUND."""
        if not KINDS[kind].is_about_transaction:
            return body
        called = body.get("ocpp_transaction_id", "")
        if not called and not body.get("transaction_id"):
            return body
        named = body.get("transaction_id") or transaction_id_of(charge_point_id, called)
        async with self._units_of_work() as work:
            found = await work.transactions.find(named)
        if found is not None and found.charge_point_id == charge_point_id:
            return {**body, **asking_about(found)}
        if not called:
            raise not_found("transaction", named)
        return body


def _found(command: Command | None, command_id: str) -> Command:
    if command is None:
        raise not_found("command", command_id)
    return command
