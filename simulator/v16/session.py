"""How a 1.6 charge point answers the central system's commands, one handler an action."""

from typing import TYPE_CHECKING, Any

from ocpp.v16 import ChargePoint as PackageV16ChargePoint
from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action

from simulator import commands
from simulator.configuration import Role, Write
from simulator.connector import StopReason
from simulator.session import handles
from simulator.transport import Transport
from simulator.v16.files import FileObedience
from simulator.v16.local_list import LocalLists
from simulator.v16.reserving import Reserving
from simulator.v16.smart_charging import SmartCharging, profile_of

if TYPE_CHECKING:
    from simulator.v16.charge_point import V16ChargePoint

_ACCEPTED, _REJECTED = "Accepted", "Rejected"
_WRITE_STATUS = {
    Write.ACCEPTED: _ACCEPTED,
    Write.REBOOT_REQUIRED: "RebootRequired",
    Write.REJECTED: _REJECTED,
    Write.READ_ONLY: _REJECTED,
    Write.UNKNOWN: "NotSupported",
}
_RESETS = {"Soft": StopReason.SOFT_RESET, "Hard": StopReason.HARD_RESET}


class V16Session(LocalLists, FileObedience, SmartCharging, Reserving, PackageV16ChargePoint):  # type: ignore[misc]  # no types
    """One connection of a 1.6 charge point."""

    def __init__(self, station: "V16ChargePoint", transport: Transport) -> None:
        super().__init__(station.identity, transport, station.spawn, station.timing.response_timeout, station.hold_back)
        self.station = station

    @handles(Action.remote_start_transaction)
    def on_remote_start_transaction(
        self, id_tag: str, connector_id: int | None = None, charging_profile: dict[str, Any] | None = None, **_: Any
    ) -> Any:
        connector = commands.claim(self.station, connector_id, id_tag)
        if connector is None:
            return call_result.RemoteStartTransaction(_REJECTED)
        profile = None if charging_profile is None else profile_of(charging_profile)
        self.then(commands.start_remotely(self.station, connector, id_tag, profile=profile))
        return call_result.RemoteStartTransaction(_ACCEPTED)

    @handles(Action.remote_stop_transaction)
    def on_remote_stop_transaction(self, transaction_id: int, **_: Any) -> Any:
        transaction = commands.running(self.station, number=transaction_id)
        if transaction is None:
            return call_result.RemoteStopTransaction(_REJECTED)
        self.then(commands.stop(transaction, StopReason.REMOTE))
        return call_result.RemoteStopTransaction(_ACCEPTED)

    @handles(Action.reset)
    def on_reset(self, type: str, **_: Any) -> Any:
        self.then(commands.reset(self.station, _RESETS[type], "RemoteReset"))
        return call_result.Reset(_ACCEPTED)

    @handles(Action.unlock_connector)
    def on_unlock_connector(self, connector_id: int, **_: Any) -> Any:
        connector = self.station.connectors.get(connector_id)
        if connector is None:
            return call_result.UnlockConnector("NotSupported")
        self.then(commands.unlock(connector))
        return call_result.UnlockConnector("Unlocked")

    @handles(Action.change_availability)
    def on_change_availability(self, connector_id: int, type: str, **_: Any) -> Any:
        every = self.station.connectors
        named = (
            list(every.values()) if connector_id == 0 else [every[each] for each in (connector_id,) if each in every]
        )
        answer = commands.change_availability(named, type == "Operative")
        self.then(commands.report(self.station, named))
        return call_result.ChangeAvailability(answer)

    @handles(Action.get_configuration)
    def on_get_configuration(self, key: list[str] | None = None, **_: Any) -> Any:
        known, unknown = [], []
        for name in key or self.station.configuration:
            setting = self.station.configuration.find(name)
            if setting is None:
                unknown.append(name)
                continue
            value = setting.value if setting.readable else None
            known.append({"key": name, "readonly": not setting.writable, "value": value})
        return call_result.GetConfiguration(known or None, unknown or None)

    @handles(Action.change_configuration)
    def on_change_configuration(self, key: str, value: str, **_: Any) -> Any:
        written = self.station.configuration.write(key, value)
        if written is Write.ACCEPTED and self.station.configuration.plays(key, Role.PASSWORD):
            self.then(self.station.link.reconnect())
        return call_result.ChangeConfiguration(_WRITE_STATUS[written])

    @handles(Action.trigger_message)
    def on_trigger_message(self, requested_message: str, connector_id: int | None = None, **_: Any) -> Any:
        if connector_id is not None and connector_id not in self.station.connectors:
            return call_result.TriggerMessage(_REJECTED)
        match requested_message:
            case "BootNotification":
                self.then(self._boot())
            case "Heartbeat":
                self.then(self.station.heartbeat())
            case "StatusNotification":
                self.then(commands.report(self.station, self._named(connector_id), again=True))
            case "MeterValues":
                self.then(self._meter_values(connector_id))
            case "DiagnosticsStatusNotification":
                self.then(self._tell(call.DiagnosticsStatusNotification("Idle")))
            case "FirmwareStatusNotification":
                self.then(self._tell(call.FirmwareStatusNotification("Idle")))
            case _:
                return call_result.TriggerMessage("NotImplemented")
        return call_result.TriggerMessage(_ACCEPTED)

    @handles(Action.clear_cache)
    def on_clear_cache(self, **_: Any) -> Any:
        return call_result.ClearCache(_ACCEPTED if commands.clear_cache(self.station) else _REJECTED)

    @handles(Action.data_transfer)
    def on_data_transfer(self, vendor_id: str, data: str | None = None, **_: Any) -> Any:
        """The one vendor it knows is its own, whose data it echoes."""
        if vendor_id != self.station.profile.vendor:
            return call_result.DataTransfer("UnknownVendorId")
        return call_result.DataTransfer(_ACCEPTED, data)

    def _named(self, connector_id: int | None) -> list[Any]:
        every = self.station.connectors
        return list(every.values()) if connector_id is None else [every[connector_id]]

    async def _boot(self) -> None:
        self.station.link.trigger_boot()

    async def _tell(self, request: Any) -> None:
        await self.station.tell(type(request).__name__, request)

    async def _meter_values(self, connector_id: int | None) -> None:
        for connector in self._named(connector_id):
            value = self.station.meter_value(self.station.read(connector), "Trigger")
            transaction = connector.transaction
            number = None if transaction is None else transaction.transaction_id
            await self._tell(call.MeterValues(connector.id, [value], number))
