"""Notes the effects of commands, as they show in what charge points do. Each works within the caller's unit of work."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.transaction.application.delivery import store_change
from services.transaction.domain.command import REMOTE_START, Command, Place, effective, queued
from services.transaction.domain.commands import KINDS
from services.transaction.domain.commands.remote_start import named_by
from services.transaction.domain.transaction import Transaction
from services.transaction.ports import UnitOfWork

# A charge point that has just connected boots first, and may not be commanded before.
_SETTLING = timedelta(seconds=3)


async def note_transaction(work: UnitOfWork, place: Place, transaction_id: str, now: datetime) -> None:
    """A transaction has changed: it may be what a remote start or stop asked for."""
    commands = await work.commands.working_at(place, now)
    transaction = await work.transactions.find(transaction_id) if commands else None
    if transaction is None:
        return
    named = await _named(work, place, commands, transaction)
    is_claimed = False
    for command in commands:
        kind = KINDS[command.kind]
        if kind.is_effect is None or (is_claimed and kind.is_sole_effect):
            continue
        is_named = command.kind == REMOTE_START and bool(named)
        if command.id in named if is_named else kind.is_effect(transaction, command):
            is_claimed = is_claimed or kind.is_sole_effect
            await store_change(work, command, effective(command, transaction.id, now))


async def _named(
    work: UnitOfWork, place: Place, commands: Sequence[Command], transaction: Transaction
) -> Collection[str]:
    """The ids of the remote starts, of `commands` and before, by whose number the charge point calls the transaction:
    then it is the effect of no other. None for one that tells no number (OCPP 1.6), or one that is of no command: of a
    raw call, or made up."""
    if all(command.kind != REMOTE_START for command in commands):
        return ()
    numbers = await work.transactions.remote_start_ids(transaction)
    if not numbers:
        return ()
    asked = await work.commands.remote_starts({place.charge_point_id})
    return {command.id for command, _ in asked if command.place == place and named_by(numbers, command)}


async def note_boot(work: UnitOfWork, place: Place, boot_time: datetime, now: datetime) -> None:
    """A charge point has booted: resets asked for before have had their effect, and what is queued can go."""
    for command in await work.commands.working_at(place, now):
        if KINDS[command.kind].boots and command.create_time <= boot_time:
            await store_change(work, command, effective(command, "", now))
    await _deliver_at(work, place, now, now)


async def note_connection(work: UnitOfWork, place: Place, now: datetime) -> None:
    """A charge point came online: what is queued can go soon."""
    await _deliver_at(work, place, now + _SETTLING, now)


async def _deliver_at(work: UnitOfWork, place: Place, time: datetime, now: datetime) -> None:
    for command in await work.commands.queued_for(place):
        await work.commands.replace(queued(command, time, now))
