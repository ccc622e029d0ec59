"""What the central system's commands do to the hardware, whatever OCPP version brought them.

The plain functions decide and may be called inside a handler; the coroutines are the effects, to be
run once the answer has been sent.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum

from simulator.charge_point import ChargePoint
from simulator.charging import ChargingPlan, charge
from simulator.configuration import Role
from simulator.connector import Connector, StopReason, Transaction
from simulator.smart_charging import Profile

# How long a reset waits for transactions to be told to the central system before it pulls the plug.
_RESET_PATIENCE_SECONDS = 10.0


class Availability(StrEnum):
    """Answers to ChangeAvailability."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


def claim(station: ChargePoint, connector_id: int | None, id_tag: str) -> Connector | None:
    """Set a connector that is free for a token aside for a remote start: the one named, or the first."""
    candidates = station.connectors.values() if connector_id is None else [station.connectors.get(connector_id)]
    for connector in candidates:
        if connector is not None and connector.free_for(id_tag):
            connector.claimed = True
            return connector
    return None


async def start_remotely(
    station: ChargePoint,
    connector: Connector,
    id_tag: str,
    remote_start_id: int | None = None,
    profile: Profile | None = None,
) -> None:
    """The driver plugs in and charges until someone stops it. Authorize is asked if so configured."""
    plan = ChargingPlan(
        remote_start_id=remote_start_id,
        profile=profile,
        already_authorized=not station.configuration.flag(Role.AUTHORIZE_REMOTE_START),
    )
    connector.claimed = False
    await charge(station, connector, id_tag, plan)


def running(station: ChargePoint, *, key: str | None = None, number: int | None = None) -> Transaction | None:
    """The running transaction of that name (2.0.1) or number (1.6)."""
    for transaction in station.transactions():
        if (key is not None and transaction.key == key) or (
            number is not None and transaction.transaction_id == number
        ):
            return transaction
    return None


async def stop(transaction: Transaction, reason: StopReason) -> None:
    """End a transaction; returns at once, its session does the rest."""
    transaction.request_stop(reason)


async def reset(station: ChargePoint, stop_reason: StopReason, boot_reason: str) -> None:
    """End all transactions, then restart: the socket closes and a boot follows."""
    transactions = station.transactions()
    for transaction in transactions:
        transaction.request_stop(stop_reason)
    # If the central system does not take the messages, they stay queued and the restart goes ahead.
    with suppress(TimeoutError):
        async with asyncio.timeout(_RESET_PATIENCE_SECONDS):
            await ended(transactions)
    await station.link.reboot(boot_reason)


async def reset_when_idle(station: ChargePoint, boot_reason: str) -> None:
    """Restart once no transaction runs any more."""
    await ended(station.transactions())
    await station.link.reboot(boot_reason)


async def ended(transactions: Sequence[Transaction]) -> None:
    """Return when all these are over and told."""
    for transaction in transactions:
        await transaction.ended.wait()


async def unlock(connector: Connector) -> None:
    """The cable comes free: a running transaction ends."""
    if connector.transaction is not None:
        connector.transaction.request_stop(StopReason.UNLOCK)


def change_availability(connectors: Sequence[Connector], operative: bool) -> Availability:
    """Put connectors in or out of service; one that is charging follows when it is done."""
    answer = Availability.ACCEPTED
    for connector in connectors:
        if operative:
            connector.operative, connector.becomes_inoperative = True, False
        elif connector.transaction is not None or connector.claimed:
            connector.becomes_inoperative = True
            answer = Availability.SCHEDULED
        else:
            connector.operative = False
    return answer if connectors else Availability.REJECTED


async def report(station: ChargePoint, connectors: Sequence[Connector], *, again: bool = False) -> None:
    """Tell the status of these connectors where it changed, or of all `again`."""
    for connector in connectors:
        await station.report_status(connector, again=again)


def clear_cache(station: ChargePoint) -> bool:
    """Forget what was learnt about tags. False when there is no cache to clear."""
    if not station.configuration.flag(Role.AUTHORIZATION_CACHE):
        return False
    station.known_tags.clear()
    return True
