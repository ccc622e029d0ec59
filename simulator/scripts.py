"""What a charge point does in a run: one correct session, or the ways in which real ones go astray.

A script drives a connected charge point through its public face and returns when it is done. What only changes the
frames is in `distortion`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from simulator import charging
from simulator.charge_point import ChargePoint
from simulator.charging import ChargingPlan
from simulator.clock import stamp
from simulator.configuration import Role
from simulator.connector import Connector, StopReason, Transaction
from simulator.session import LinkDown, OcppSession

GARBAGE = ("", "{", "[]", "[2]", '[2,"x"]', '[9,"x",{}]', '[2,1,"Heartbeat",{}]', '[2,"x","NoSuchAction",{}]', "null")
_STORM_RECONNECTS = 5
# How long a script waits for the connection to come back.
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Run:
    """What a script works with. `seconds` are real seconds, for scripts that wait for something."""

    station: ChargePoint
    id_tag: str
    connector_id: int
    plan: ChargingPlan
    seconds: float

    @property
    def connector(self) -> Connector:
        """The connector that the run is about."""
        return self.station.connectors[self.connector_id]

    @property
    def session(self) -> OcppSession:
        """The open connection. Raises LinkDown when there is none."""
        if self.station.link.session is None:
            raise LinkDown("not connected")
        return self.station.link.session


Script = Callable[[Run], Awaitable[None]]


async def one_session(run: Run) -> None:
    """Plug in, authorize, charge with meter values, stop, unplug."""
    await charging.charge(run.station, run.connector, run.id_tag, run.plan)


async def obey(run: Run) -> None:
    """Stay connected and obey commands."""
    await asyncio.sleep(run.seconds)


async def offline_session(run: Run) -> None:
    """A whole session without a connection; it is replayed with its old timestamps afterwards."""
    await _away(run)
    await one_session(run)
    await _back(run)


async def reversed_replay(run: Run) -> None:
    """As `offline_session`, but the newest message is replayed first: the end arrives before the start."""
    await _away(run)
    await one_session(run)
    run.station.queue.reverse()
    await _back(run)


async def power_cut(run: Run) -> None:
    """Power fails in mid-session; after the boot the same transaction goes on and ends in order."""
    station, connector = run.station, run.connector
    await station.authorize(run.id_tag)
    transaction = await charging.start(station, connector, run.id_tag, run.plan)
    charge = asyncio.create_task(charging.run(station, connector, transaction, run.plan))
    station.link.forget_registration("PowerUp")
    await _away(run)
    await _back(run)
    await charge
    await charging.finish(station, connector, transaction)
    connector.release()
    await station.report_status(connector)


async def late_meter_values(run: Run) -> None:
    """One more sample of a transaction arrives after its end and after the next boot."""
    outcome = await charging.charge(run.station, run.connector, run.id_tag, run.plan)
    if outcome.transaction is None:
        return
    late = run.station.sampled(outcome.transaction, run.station.read(run.connector))
    await run.station.queue.drained()
    await run.station.link.reboot("PowerUp")
    while run.station.link.ready:
        await run.station.link.changed()
    run.station.post_nowait(late)
    await run.station.ready(_PATIENCE_SECONDS)


async def unfinished(run: Run) -> None:
    """A transaction that never ends: the next one on the connector simply begins."""
    await charging.start(run.station, run.connector, run.id_tag, run.plan)
    await run.station.queue.drained()
    run.connector.meter.end()
    run.connector.release()
    await one_session(run)


async def status_before_stop(run: Run) -> None:
    """The vehicle leaves: the connector is Available again before the transaction's end is told."""
    station, connector = run.station, run.connector
    transaction = await charging.start(station, connector, run.id_tag, run.plan)
    transaction.stop_reason = StopReason.EV_DISCONNECTED
    await charging.run(station, connector, transaction, run.plan)
    reading = station.read(connector)
    transaction.stop_time = reading.time
    connector.meter.end()
    connector.release()
    await station.report_status(connector)
    await station.post(station.ended(transaction, reading))


async def reconnect_storm(run: Run) -> None:
    """The line breaks again and again, each time without a close frame."""
    for _ in range(_STORM_RECONNECTS):
        run.station.link.cut()
        while run.station.link.ready:
            await run.station.link.changed()
        run.station.link.restore()
        await run.station.ready(_PATIENCE_SECONDS)
    await one_session(run)


async def second_socket(run: Run) -> None:
    """A new socket is opened while the old one still looks open; the session runs on the new one."""
    station = run.station
    station.link.pause()
    twin = type(station)(
        station.identity,
        station.endpoint,
        profile=station.profile,
        clock=station.clock,
        timing=station.timing,
        sinks=station.sinks,
        distort=station.distort,
    )
    for role in (Role.SAMPLE_INTERVAL, Role.MESSAGE_ATTEMPTS, Role.MESSAGE_RETRY_INTERVAL):
        twin.configuration.assign(role, station.configuration.text(role))
    async with twin.running():
        await twin.ready(_PATIENCE_SECONDS)
        await one_session(replace(run, station=twin))
        await twin.queue.drained()
    for problem in twin.problems:
        station.problem(problem.action, problem.detail)


async def malformed_frames(run: Run) -> None:
    """Frames that are no OCPP at all; the same socket must carry a session afterwards."""
    connects = run.station.link.connects
    for text in GARBAGE:
        await run.session.transport.send_raw(text)
    await one_session(run)
    if run.station.link.connects != connects:
        run.station.problem("connection", "was closed because of a malformed frame")


async def two_calls_in_flight(run: Run) -> None:
    """Authorize and the start of a transaction on two connectors 1 ms apart, none waiting for the other."""
    station, session = run.station, run.session
    frames = [
        frame
        for number in sorted(station.connectors)[:2]
        for frame in (_raw_authorize(station, run.id_tag), _raw_start(station, number, run.id_tag))
    ]
    calls = []
    for frame in frames:
        calls.append(asyncio.ensure_future(session.exchange_raw(frame)))
        await asyncio.sleep(0.001)
    for frame, answer in zip(frames, await asyncio.gather(*calls), strict=True):
        if answer[0] != 3:
            station.problem(frame[2], f"answered {answer}")
            continue
        stop = _raw_stop(station, frame, answer[2])
        if stop is not None:
            await session.exchange_raw(stop)


def authorize_first(station: ChargePoint) -> None:
    """A remote start is answered only once the station's own Authorize was answered."""

    async def ask(payload: Any) -> None:
        id_tag = payload["idTag"] if "idTag" in payload else payload["idToken"]["idToken"]
        await station.tell("Authorize", station.authorize_request(id_tag))

    for action in ("RemoteStartTransaction", "RequestStartTransaction"):
        station.hold_back[action] = ask


def repeating_ids(station: ChargePoint) -> None:
    """Message ids are decimal counters that begin again after every connection."""
    last = {"connection": 0, "number": 0}

    def next_id() -> str:
        if last["connection"] != station.link.connects:
            last.update(connection=station.link.connects, number=0)
        last["number"] += 1
        station.misbehaved += station.link.connects > 1
        return str(last["number"])

    station.message_ids = next_id


def keeping_ids(station: ChargePoint) -> None:
    """A message that was not answered is sent again under the id that it had."""
    station.keeps_message_ids = True


def ignore_pending(station: ChargePoint) -> None:
    """Whatever BootNotification is answered, the station goes on as if it were accepted."""
    station.link.obedient = False


async def _away(run: Run) -> None:
    run.station.link.pause()
    run.station.link.cut()
    while run.station.link.session is not None:
        await run.station.link.changed()


async def _back(run: Run) -> None:
    run.station.link.restore()
    await run.station.ready(_PATIENCE_SECONDS)


def _raw_authorize(station: ChargePoint, id_tag: str) -> list[Any]:
    payload: dict[str, Any] = {"idTag": id_tag}
    if station.protocol != "1.6":
        payload = {"idToken": {"idToken": id_tag, "type": "ISO14443"}}
    return [2, str(uuid4()), "Authorize", payload]


def _raw_start(station: ChargePoint, number: int, id_tag: str) -> list[Any]:
    now, meter = stamp(station.clock.now()), station.connectors[number].meter.energy_wh
    if station.protocol == "1.6":
        payload = {"connectorId": number, "idTag": id_tag, "meterStart": meter, "timestamp": now}
        return [2, str(uuid4()), "StartTransaction", payload]
    transaction = Transaction(number, id_tag, meter, station.clock.now())
    return [2, str(uuid4()), "TransactionEvent", _event(transaction, "Started", "Authorized", now)]


def _raw_stop(station: ChargePoint, start: list[Any], answer: dict[str, Any]) -> list[Any] | None:
    now = stamp(station.clock.now())
    if start[2] == "StartTransaction":
        number, meter = answer["transactionId"], start[3]["meterStart"]
        return [2, str(uuid4()), "StopTransaction", {"transactionId": number, "meterStop": meter, "timestamp": now}]
    if start[2] == "TransactionEvent":
        payload = start[3] | {"eventType": "Ended", "triggerReason": "StopAuthorized", "seqNo": 1, "timestamp": now}
        return [2, str(uuid4()), "TransactionEvent", payload]
    return None


def _event(transaction: Transaction, kind: str, trigger: str, now: str) -> dict[str, Any]:
    return {
        "eventType": kind,
        "timestamp": now,
        "triggerReason": trigger,
        "seqNo": 0,
        "transactionInfo": {"transactionId": transaction.key},
        "evse": {"id": transaction.connector_id, "connectorId": 1},
        "idToken": {"idToken": transaction.id_tag, "type": "ISO14443"},
    }
