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

_US = 1_000_000


@dataclass(frozen=True)
class ChargingPlan:
    """What the driver and the vehicle want.

    `energy_wh`: the vehicle takes no more than this. `seconds`: device seconds until the driver stops
    the session; None means that someone else must. `rate`: how much faster than real time the device
    clock runs while energy flows (the clock must lag behind for that, see `simulator.clock`).
    """

    power_w: int | None = None
    energy_wh: int | None = None
    seconds: int | None = None
    rate: Fraction = Fraction(1)
    remote_start_id: int | None = None
    already_authorized: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a session went: `authorization` is the last word on the tag, the transaction None if refused."""

    authorization: str
    transaction: Transaction | None


async def charge(station: ChargePoint, connector: Connector, id_tag: str, plan: ChargingPlan) -> Outcome:
    """Run one session on a free connector and return when the cable is out again.

    Raises:
        ValueError: the connector is in use or inoperative.
    """
    if not connector.free:
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
    connector.meter.begin(station.profile.power_w if plan.power_w is None else plan.power_w, plan.energy_wh)
    transaction = Transaction(
        connector.id, id_tag, meter_start_wh, station.clock.now(), remote_start_id=plan.remote_start_id
    )
    connector.transaction = transaction
    station.witness(transaction)
    await station.post(station.started(transaction, station.read(connector)))
    await _tell_state(station, connector, transaction)
    return transaction


async def run(station: ChargePoint, connector: Connector, transaction: Transaction, plan: ChargingPlan) -> None:
    """Let energy flow and send samples until the plan's end or a request to stop."""
    clock, meter = station.clock, connector.meter
    clock.set_rate(plan.rate)
    sampled_us = start_us = clock.to_us(transaction.start_time)
    end_us = None if plan.seconds is None else start_us + plan.seconds * _US
    full_us = meter.full_at_us
    if full_us is not None and end_us is not None and full_us + _US >= end_us:
        full_us = None  # the driver leaves as the vehicle gets full: nobody sees it suspended
    while not transaction.stop_requested.is_set():
        interval_us = station.configuration.integer(Role.SAMPLE_INTERVAL) * _US
        sample_us = sampled_us + interval_us if interval_us else None
        await _sleep(station, transaction, min((at for at in (sample_us, end_us, full_us) if at), default=None))
        now_us = clock.now_us()
        if end_us is not None and now_us >= end_us:
            transaction.request_stop(StopReason.LOCAL)
        elif full_us is not None and now_us >= full_us:
            full_us = None
            await _tell_state(station, connector, transaction)
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
    station.witness(transaction)
    await station.post(station.ended(transaction, reading))
    transaction.ended.set()
    await station.report_status(connector)


async def _tell_state(station: ChargePoint, connector: Connector, transaction: Transaction) -> None:
    await station.report_status(connector)
    event = station.state_changed(transaction)
    if event is not None:
        station.post_nowait(event)


async def _sleep(station: ChargePoint, transaction: Transaction, wake_us: int | None) -> None:
    """Return when device time reaches `wake_us`, a setting changes or the transaction is asked to stop."""
    waits = [
        asyncio.ensure_future(transaction.stop_requested.wait()),
        asyncio.ensure_future(station.configuration.changed()),
    ]
    if wake_us is not None:
        waits.append(asyncio.ensure_future(station.clock.sleep_until(wake_us)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
