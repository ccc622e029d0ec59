"""What the steps of a scenario do to a station: one function a step. How they are written is in `steps`.

A step works by the station's public face, on device time, whether there is a connection or not.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from simulator import charging
from simulator.charging import ChargingPlan
from simulator.connector import Connector, Side, StopReason, Transaction
from simulator.file_conduct import FirmwareFault
from simulator.link import ACCEPTED
from simulator.scripts import Run

_US = 1_000_000
# How long a step waits in real time for a connection, or for a transaction to be told.
_PATIENCE_SECONDS = 30.0
Values = Mapping[str, Any]

COMMANDS: Mapping[str, frozenset[str]] = {
    "remote-start": frozenset({"RemoteStartTransaction", "RequestStartTransaction"}),
    "remote-stop": frozenset({"RemoteStopTransaction", "RequestStopTransaction"}),
    "reservation": frozenset({"ReserveNow"}),
    "charging-profile": frozenset({"SetChargingProfile"}),
    "firmware-update": frozenset({"UpdateFirmware", "SignedUpdateFirmware"}),
    "log-upload": frozenset({"GetDiagnostics", "GetLog"}),
    "local-list": frozenset({"SendLocalList"}),
    "reset": frozenset({"Reset"}),
    "settings": frozenset({"ChangeConfiguration", "SetVariables"}),
}
STATUSES: Mapping[str, frozenset[str]] = {
    "firmware": frozenset({"FirmwareStatusNotification", "SignedFirmwareStatusNotification"}),
    "log": frozenset({"DiagnosticsStatusNotification", "LogStatusNotification"}),
}


class StepFailed(Exception):
    """A step did not come to what it has to, so that the rest makes no sense."""


class Stage:
    """One play of a scenario: a station, a connector, and how far it has come."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.station = run.station
        self.authorization = ACCEPTED
        self.is_away = False

    @property
    def connector(self) -> Connector:
        """Where it takes place."""
        return self.run.connector

    @property
    def transaction(self) -> Transaction | None:
        """The transaction that runs there, whoever began it."""
        found = self.connector.transaction
        return found if found is not None and found.stop_time is None else None

    async def pass_time(self, seconds: int) -> None:
        """Let device time pass."""
        await self.station.clock.sleep_until(self.station.clock.now_us() + seconds * _US)

    async def change_state(self) -> None:
        """Let as much flow as may now, and tell it."""
        self.station.govern(self.connector)
        if self.transaction is not None:
            await charging.tell_state(self.station, self.connector, self.transaction)
        else:
            await self.station.report_status(self.connector)

    async def end(self, reason: StopReason) -> None:
        """End the transaction, if one runs; returns when its end is on its way."""
        if (transaction := self.transaction) is None:
            return
        transaction.request_stop(reason)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await transaction.ended.wait()
        except TimeoutError:
            raise StepFailed(f"the transaction did not end within {_PATIENCE_SECONDS:g} s") from None

    async def leave(self) -> None:
        """Lose the connection."""
        self.is_away = True
        self.station.link.pause()
        self.station.link.cut()
        while self.station.link.session is not None:
            await self.station.link.changed()

    async def come_back(self) -> None:
        """Have a connection again, and be in service."""
        self.is_away = False
        self.station.link.restore()
        try:
            await self.station.ready(_PATIENCE_SECONDS)
        except TimeoutError:
            raise StepFailed(f"not in service within {_PATIENCE_SECONDS:g} s") from None

    async def tidy_up(self) -> None:
        """Leave the station as it was found: connected, with nothing at its connector."""
        self.connector.fault = self.connector.suspended_by = None
        self.station.link.restore()
        await self.end(StopReason.LOCAL)
        self.connector.release()
        await self.station.report_status(self.connector)


async def plug_in(stage: Stage, _: Values) -> None:
    """The cable is plugged in."""
    stage.connector.plugged_in = True
    await stage.station.report_status(stage.connector)


async def authorize(stage: Stage, values: Values) -> None:
    """A token is shown; without a connection by what the station knows itself."""
    tag = values["tag"] or stage.run.id_tag
    stage.authorization = await stage.station.authorize(tag)
    if stage.authorization != values["expect"]:
        raise StepFailed(f"{tag} is {stage.authorization}, not {values['expect']}")


async def start(stage: Stage, values: Values) -> None:
    """The transaction begins and energy flows."""
    tag = values["tag"] or stage.run.id_tag
    if stage.authorization != ACCEPTED:
        raise StepFailed(f"the token is {stage.authorization}")
    if not stage.connector.free_for(tag):
        raise StepFailed(f"connector {stage.connector.id} is {stage.connector.status}")
    given = stage.run.plan
    plan = ChargingPlan(values["power"] or given.power_w, values["energy"], rate=given.rate)
    transaction = await charging.start(stage.station, stage.connector, tag, plan)
    stage.station.spawn(_session(stage, transaction, plan))


async def _session(stage: Stage, transaction: Transaction, plan: ChargingPlan) -> None:
    await charging.run(stage.station, stage.connector, transaction, plan)
    stage.station.clock.set_rate(plan.rate)
    await charging.finish(stage.station, stage.connector, transaction)


async def charge(stage: Stage, values: Values) -> None:
    """Energy flows for a while."""
    if values["power"] is not None:
        stage.connector.wanted_w = values["power"]
        await stage.change_state()
    await stage.pass_time(values["for"])


async def suspend(stage: Stage, values: Values) -> None:
    """The vehicle or the station holds back the energy, for a while or until `resume`."""
    stage.connector.suspended_by = Side(values["by"])
    await stage.change_state()
    if values["for"] is not None:
        await stage.pass_time(values["for"])
        await resume(stage, {})


async def resume(stage: Stage, _: Values) -> None:
    """Energy flows again."""
    stage.connector.suspended_by = None
    await stage.change_state()


async def fault(stage: Stage, values: Values) -> None:
    """The connector has a fault, for a while or until `recover`."""
    stage.connector.fault = values["code"]
    await stage.change_state()
    if values["for"] is not None:
        await stage.pass_time(values["for"])
        await recover(stage, {})


async def recover(stage: Stage, _: Values) -> None:
    """The fault is over."""
    stage.connector.fault = None
    await stage.change_state()


async def offline(stage: Stage, values: Values) -> None:
    """The connection is lost; what must arrive is queued."""
    await stage.leave()
    if values["for"] is not None:
        await stage.pass_time(values["for"])
        await online(stage, {"order": "queued"})


async def online(stage: Stage, values: Values) -> None:
    """The connection is back, and what was queued is told."""
    if values["order"] == "newest-first":
        stage.station.queue.reverse()
    await stage.come_back()


async def reboot(stage: Stage, values: Values) -> None:
    """The station starts again; a transaction that runs goes on afterwards, or ends by that."""
    was_away = stage.is_away
    await stage.leave()
    if values["transaction"] == "ends":
        await stage.end(StopReason.POWER_LOSS)
    stage.station.link.forget_registration(values["reason"])
    if was_away:
        return
    await stage.come_back()


async def stop(stage: Stage, values: Values) -> None:
    """The transaction ends."""
    await stage.end(StopReason(values["reason"]))


async def unplug(stage: Stage, _: Values) -> None:
    """The cable is out; a transaction that runs ends by that."""
    await stage.end(StopReason.EV_DISCONNECTED)
    stage.connector.release()
    await stage.station.report_status(stage.connector)


async def wait(stage: Stage, values: Values) -> None:
    """Time passes."""
    await stage.pass_time(values["for"])


async def await_command(stage: Stage, values: Values) -> None:
    """The central system sends a command, and the station answers it."""
    name, commands = values["command"], stage.station.commands
    # One that came while an earlier step took place counts.
    if not await _came(stage, lambda: commands.take(COMMANDS[name]), values["within"]):
        raise StepFailed(f"no {name} within {values['within']} s")


async def await_status(stage: Stage, values: Values) -> None:
    """The station has told that an update of its firmware, or an upload of a log, has come so far."""
    actions, status, commands = STATUSES[values["of"]], values["status"], stage.station.commands
    if not await _came(stage, lambda: commands.take_status(actions, status), values["within"]):
        raise StepFailed(f"{values['of']} was not {status} within {values['within']} s")


async def _came(stage: Stage, condition: Callable[[], bool], within_seconds: int) -> bool:
    """Wait for somebody else, at everybody's pace."""
    clock = stage.station.clock
    clock.set_rate(1)
    try:
        await stage.station.commands.until(condition, within_seconds)
    except TimeoutError:
        return False
    finally:
        clock.set_rate(stage.run.plan.rate)
    return True


async def firmware(stage: Stage, values: Values) -> None:
    """From now on this goes wrong when firmware is updated."""
    stage.station.files.fault = FirmwareFault("" if values["fault"] == "none" else values["fault"])


async def expect(stage: Stage, values: Values) -> None:
    """What the meter and the status show now."""
    power_w, status = stage.station.read(stage.connector).power_w, stage.connector.status
    if values["power-at-most"] is not None and power_w > values["power-at-most"]:
        raise StepFailed(f"the meter shows {power_w} W, more than {values['power-at-most']}")
    if values["power-at-least"] is not None and power_w < values["power-at-least"]:
        raise StepFailed(f"the meter shows {power_w} W, less than {values['power-at-least']}")
    if values["status"] is not None and status != values["status"]:
        raise StepFailed(f"the connector is {status}, not {values['status']}")
