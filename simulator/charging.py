"""One charging session from plug to unplug, as hardware lives it, online or not.

The session runs on device time and does not care about the connection: what must arrive goes
through the queue of the charge point.
"""

import asyncio
from dataclasses import dataclass
from fractions import Fraction

from simulator.charge_point import ChargePoint
from simulator.configuration import Role
from simulator.connector import Connector, StopReason, Transaction
from simulator.link import ACCEPTED
from simulator.meter import Meter
from simulator.smart_charging import Profile, bound

_US = 1_000_000


@dataclass(frozen=True)
class ChargingPlan:
    """What the driver and the vehicle want.

    `energy_wh`: the vehicle takes no more than this. `seconds`: device seconds until the driver stops
    the session; None means that someone else must. `rate`: how much faster than real time the device
    clock runs while energy flows (the clock must lag behind for that, see `simulator.clock`). `profile` is
    a TxProfile that came with a remote start.
    """

    power_w: int | None = None
    energy_wh: int | None = None
    seconds: int | None = None
    rate: Fraction = Fraction(1)
    remote_start_id: int | None = None
    already_authorized: bool = False
    profile: Profile | None = None


@dataclass(frozen=True)
class Outcome:
    """How a session went: `authorization` is the last word on the tag, the transaction None if refused."""

    authorization: str
    transaction: Transaction | None


async def charge(station: ChargePoint, connector: Connector, id_tag: str, plan: ChargingPlan) -> Outcome:
    """Run one session on a free connector and return when the cable is out again.

    Raises:
        ValueError: the connector is in use, inoperative, or reserved for another token.
    """
    if not connector.free_for(id_tag):
        raise ValueError(f"connector {connector.id} is {connector.status}")
    connector.claimed = True
    try:
        connector.plugged_in = True
        await station.report_status(connector)
        status = ACCEPTED if plan.already_authorized else await station.authorize(id_tag)
        if status != ACCEPTED:
            station.problem("Authorize", f"{id_tag} is {status}")
            return Outcome(status, None)
        transaction = await start(station, connector, id_tag, plan)
        await run(station, connector, transaction, plan)
        await finish(station, connector, transaction)
        return Outcome(transaction.authorization, transaction)
    finally:
        connector.release()
        await station.report_status(connector)


async def start(station: ChargePoint, connector: Connector, id_tag: str, plan: ChargingPlan) -> Transaction:
    """Close the contactor and tell it."""
    meter_start_wh = connector.meter.energy_wh
    connector.wanted_w = station.profile.power_w if plan.power_w is None else plan.power_w
    connector.meter.begin(connector.wanted_w, plan.energy_wh)
    reservation, connector.reservation = connector.reservation, None
    transaction = Transaction(
        connector.id,
        id_tag,
        meter_start_wh,
        station.clock.now(),
        remote_start_id=plan.remote_start_id,
        reservation_id=None if reservation is None else reservation.id,
    )
    connector.transaction = transaction
    if plan.profile is not None:
        station.charging_profiles.install(connector.id, bound(plan.profile, transaction.key))
    station.govern(connector)
    station.witness(transaction)
    await station.post(station.started(transaction, station.read(connector)))
    await tell_state(station, connector, transaction)
    return transaction


async def run(station: ChargePoint, connector: Connector, transaction: Transaction, plan: ChargingPlan) -> None:
    """Let energy flow as charging profiles allow, and send samples, until the plan's end or a request to stop."""
    clock, meter = station.clock, connector.meter
    clock.set_rate(plan.rate)
    sampled_us = start_us = clock.to_us(transaction.start_time)
    end_us = None if plan.seconds is None else start_us + plan.seconds * _US
    is_full_told = False
    while not transaction.stop_requested.is_set():
        interval_us = station.configuration.integer(Role.SAMPLE_INTERVAL) * _US
        sample_us = sampled_us + interval_us if interval_us else None
        if station.govern(connector):
            await tell_state(station, connector, transaction)
        full_us = None if is_full_told else _full_us(meter, end_us)
        wakes = (sample_us, end_us, full_us, station.next_limit_us(transaction))
        await _sleep(station, transaction, min((at for at in wakes if at), default=None))
        now_us = clock.now_us()
        if end_us is not None and now_us >= end_us:
            transaction.request_stop(StopReason.LOCAL)
        elif full_us is not None and now_us >= full_us:
            is_full_told = True
            await tell_state(station, connector, transaction)
        elif sample_us is not None and now_us >= sample_us:
            sampled_us = sample_us
            station.post_nowait(station.sampled(transaction, station.read(connector)))
    clock.set_rate(1)


async def finish(station: ChargePoint, connector: Connector, transaction: Transaction) -> None:
    """Open the contactor and tell it."""
    reading = station.read(connector)
    connector.meter.end()
    transaction.stop_time = reading.time
    transaction.meter_stop_wh = reading.energy_wh
    station.charging_profiles.end_transaction(transaction.key)
    station.witness(transaction)
    await station.post(station.ended(transaction, reading))
    transaction.ended.set()
    await station.report_status(connector)


async def tell_state(station: ChargePoint, connector: Connector, transaction: Transaction) -> None:
    """Tell that the energy flows again, or does not any more."""
    await station.report_status(connector)
    event = station.state_changed(transaction)
    if event is not None:
        station.post_nowait(event)


def _full_us(meter: Meter, end_us: int | None) -> int | None:
    """When somebody sees that the vehicle is full: nobody does when the driver leaves just then."""
    full_us = meter.full_at_us
    return None if full_us is not None and end_us is not None and full_us + _US >= end_us else full_us


async def _sleep(station: ChargePoint, transaction: Transaction, wake_us: int | None) -> None:
    """Return when device time reaches `wake_us`, a setting or a profile changes, or the transaction is to stop."""
    waits = [
        asyncio.ensure_future(transaction.stop_requested.wait()),
        asyncio.ensure_future(station.configuration.changed()),
        asyncio.ensure_future(station.charging_profiles.changed()),
    ]
    if wake_us is not None:
        waits.append(asyncio.ensure_future(station.clock.sleep_until(wake_us)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
