"""How a charging station of OCPP 2.x answers the central system's commands, one handler an action."""

from typing import TYPE_CHECKING, Any

from ocpp.v201 import ChargePoint as PackageV201ChargePoint
from ocpp.v201 import call, call_result
from ocpp.v201.enums import Action

from simulator import commands
from simulator.connector import Connector, StopReason
from simulator.session import handles
from simulator.transport import Transport
from simulator.v201 import variables
from simulator.v201.files import FileObedience
from simulator.v201.local_list import LocalLists
from simulator.v201.monitoring import MonitoringObedience
from simulator.v201.reserving import Reserving
from simulator.v201.smart_charging import SmartCharging, profile_of

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint

_ACCEPTED, _REJECTED = "Accepted", "Rejected"


class Obedience(LocalLists, MonitoringObedience, FileObedience, SmartCharging, Reserving):
    """The handlers; answers are checked by the version of the package's charge point that they are mixed with."""

    def __init__(self, station: "V201ChargePoint", transport: Transport) -> None:
        super().__init__(station.identity, transport, station.spawn, station.timing.response_timeout, station.hold_back)
        self.station = station

    @handles(Action.request_start_transaction)
    def on_request_start_transaction(
        self,
        id_token: dict[str, Any],
        remote_start_id: int,
        evse_id: int | None = None,
        charging_profile: dict[str, Any] | None = None,
        **_: Any,
    ) -> Any:
        id_tag = id_token["id_token"]
        connector = commands.claim(self.station, evse_id, id_tag)
        if connector is None:
            return call_result.RequestStartTransaction(_REJECTED)
        profile = None if charging_profile is None else profile_of(charging_profile)
        self.then(commands.start_remotely(self.station, connector, id_tag, remote_start_id, profile))
        return call_result.RequestStartTransaction(_ACCEPTED)

    @handles(Action.request_stop_transaction)
    def on_request_stop_transaction(self, transaction_id: str, **_: Any) -> Any:
        transaction = commands.running(self.station, key=transaction_id)
        if transaction is None:
            return call_result.RequestStopTransaction(_REJECTED)
        self.then(commands.stop(transaction, StopReason.REMOTE))
        return call_result.RequestStopTransaction(_ACCEPTED)

    @handles(Action.reset)
    def on_reset(self, type: str, evse_id: int | None = None, **_: Any) -> Any:
        if evse_id is not None:
            return call_result.Reset(_REJECTED)  # no EVSE of this hardware restarts alone
        if type == "OnIdle" and self.station.transactions():
            self.then(commands.reset_when_idle(self.station, "ScheduledReset"))
            return call_result.Reset("Scheduled")
        self.then(commands.reset(self.station, StopReason.HARD_RESET, "RemoteReset"))
        return call_result.Reset(_ACCEPTED)

    @handles(Action.unlock_connector)
    def on_unlock_connector(self, evse_id: int, connector_id: int, **_: Any) -> Any:
        connector = self.station.connectors.get(evse_id)
        if connector is None or connector_id != 1:
            return call_result.UnlockConnector("UnknownConnector")
        if connector.transaction is not None:
            return call_result.UnlockConnector("OngoingAuthorizedTransaction")
        return call_result.UnlockConnector("Unlocked")

    @handles(Action.change_availability)
    def on_change_availability(self, operational_status: str, evse: dict[str, Any] | None = None, **_: Any) -> Any:
        named = self._named(evse)
        answer = commands.change_availability(named, operational_status == "Operative")
        self.then(commands.report(self.station, named))
        return call_result.ChangeAvailability(answer)

    @handles(Action.get_variables)
    def on_get_variables(self, get_variable_data: list[dict[str, Any]], **_: Any) -> Any:
        return call_result.GetVariables([variables.get(self.station, asked) for asked in get_variable_data])

    @handles(Action.set_variables)
    def on_set_variables(self, set_variable_data: list[dict[str, Any]], **_: Any) -> Any:
        password = self.station.password
        results = [variables.set(self.station, requested) for requested in set_variable_data]
        if self.station.password != password:
            self.then(self.station.link.reconnect())
        self.then(self.notify_monitored())
        return call_result.SetVariables(results)

    @handles(Action.get_base_report)
    def on_get_base_report(self, request_id: int, report_base: str, **_: Any) -> Any:
        entries = variables.report(self.station, report_base)
        self.then(variables.send_report(self.station, request_id, entries))
        return call_result.GetBaseReport(_ACCEPTED)

    @handles(Action.get_report)
    def on_get_report(
        self,
        request_id: int,
        component_criteria: list[str] | None = None,
        component_variable: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> Any:
        entries = variables.custom_report(self.station, component_criteria or (), component_variable or ())
        if not entries:
            return call_result.GetReport("EmptyResultSet")
        self.then(variables.send_report(self.station, request_id, entries))
        return call_result.GetReport(_ACCEPTED)

    @handles(Action.get_transaction_status)
    def on_get_transaction_status(self, transaction_id: str | None = None, **_: Any) -> Any:
        waiting = self.station.queue.holds(transaction_id)
        if transaction_id is None:
            return call_result.GetTransactionStatus(waiting)
        ongoing = commands.running(self.station, key=transaction_id) is not None
        return call_result.GetTransactionStatus(waiting, ongoing)

    @handles(Action.cost_updated)
    def on_cost_updated(self, **_: Any) -> Any:
        """Its display is the frame that is printed."""
        return call_result.CostUpdated()

    @handles(Action.trigger_message)
    def on_trigger_message(self, requested_message: str, evse: dict[str, Any] | None = None, **_: Any) -> Any:
        named = self._named(evse)
        if not named:
            return call_result.TriggerMessage(_REJECTED)
        match requested_message:
            case "BootNotification":
                self.then(self._boot())
            case "Heartbeat":
                self.then(self.station.heartbeat())
            case "StatusNotification":
                self.then(self._statuses(named))
            case "MeterValues":
                self.then(self._meter_values(named))
            case "TransactionEvent":
                if not any(connector.transaction for connector in named):
                    return call_result.TriggerMessage(_REJECTED)
                self.then(self._transaction_events(named))
            case "FirmwareStatusNotification":
                self.then(self._tell(call.FirmwareStatusNotification("Idle")))
            case "LogStatusNotification":
                self.then(self._tell(call.LogStatusNotification("Idle")))
            case _:
                return call_result.TriggerMessage("NotImplemented")
        return call_result.TriggerMessage(_ACCEPTED)

    @handles(Action.clear_cache)
    def on_clear_cache(self, **_: Any) -> Any:
        return call_result.ClearCache(_ACCEPTED if commands.clear_cache(self.station) else _REJECTED)

    @handles(Action.data_transfer)
    def on_data_transfer(self, vendor_id: str, data: Any = None, **_: Any) -> Any:
        """The one vendor it knows is its own, whose data it echoes."""
        if vendor_id != self.station.profile.vendor:
            return call_result.DataTransfer("UnknownVendorId")
        return call_result.DataTransfer(_ACCEPTED, data=data)

    def _named(self, evse: dict[str, Any] | None) -> list[Connector]:
        every = self.station.connectors
        return list(every.values()) if evse is None else [every[each] for each in (evse["id"],) if each in every]

    async def _boot(self) -> None:
        self.station.link.trigger_boot()

    async def _statuses(self, connectors: list[Connector]) -> None:
        await commands.report(self.station, connectors, again=True)

    async def _tell(self, request: Any) -> None:
        await self.station.tell(type(request).__name__, request)

    async def _meter_values(self, connectors: list[Connector]) -> None:
        for connector in connectors:
            value = self.station.meter_value(self.station.read(connector), "Trigger")
            await self._tell(call.MeterValues(connector.id, [value]))

    async def _transaction_events(self, connectors: list[Connector]) -> None:
        for connector in connectors:
            if connector.transaction is not None:
                event = self.station.triggered(connector.transaction, self.station.read(connector))
                self.station.post_nowait(event)


class V201Session(Obedience, PackageV201ChargePoint):  # type: ignore[misc]  # the package has no types
    """One connection of a 2.0.1 charging station."""
