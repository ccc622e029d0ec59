"""A charging station that speaks OCPP 2.0.1: how its facts become requests of that version.

Each connector is an EVSE of its own with one connector, number 1.
"""

from functools import cached_property
from typing import Any, ClassVar

from ocpp.v201 import call

from simulator.charge_point import ChargePoint
from simulator.clock import stamp
from simulator.configuration import ConfigurationStore, Role
from simulator.connector import Connector, ConnectorStatus, StopReason, Transaction
from simulator.meter import Reading
from simulator.offline import QueuedMessage
from simulator.session import OcppSession
from simulator.transport import Transport
from simulator.v201.device_model import device_model
from simulator.v201.monitoring import Monitors
from simulator.v201.session import V201Session

_ENERGY = "Energy.Active.Import.Register"
_STATUS = {
    ConnectorStatus.AVAILABLE: "Available",
    ConnectorStatus.UNAVAILABLE: "Unavailable",
    ConnectorStatus.FAULTED: "Faulted",
    ConnectorStatus.RESERVED: "Reserved",
}
_STATES = {
    ConnectorStatus.SUSPENDED_EV: "SuspendedEV",
    ConnectorStatus.SUSPENDED_EVSE: "SuspendedEVSE",
    ConnectorStatus.FAULTED: "SuspendedEVSE",
}
# Reason of 1.6 -> (stoppedReason, triggerReason) of 2.0.1
_STOPS = {
    StopReason.LOCAL: ("Local", "StopAuthorized"),
    StopReason.REMOTE: ("Remote", "RemoteStop"),
    StopReason.EV_DISCONNECTED: ("EVDisconnected", "EVCommunicationLost"),
    StopReason.DEAUTHORIZED: ("DeAuthorized", "Deauthorized"),
    StopReason.SOFT_RESET: ("ImmediateReset", "ResetCommand"),
    StopReason.HARD_RESET: ("ImmediateReset", "ResetCommand"),
    StopReason.UNLOCK: ("Other", "UnlockCommand"),
    StopReason.POWER_LOSS: ("PowerLoss", "AbnormalCondition"),
}


class V201ChargePoint(ChargePoint):
    """See ChargePoint."""

    protocol: ClassVar[str] = "2.0.1"
    subprotocol: ClassVar[str] = "ocpp2.0.1"

    @cached_property
    def monitors(self) -> Monitors:
        """What it watches of its variables."""
        return Monitors()

    @cached_property
    def told_profiles(self) -> dict[int, dict[str, Any]]:
        """Charging profiles as they came, by id: they are reported so."""
        return {}

    def new_configuration(self) -> ConfigurationStore[Any]:
        return device_model(self.profile)

    def open_session(self, transport: Transport) -> OcppSession:
        return V201Session(self, transport)

    def password_bytes(self, text: str) -> bytes:
        """BasicAuthPassword is text, sent as UTF-8."""
        return text.encode()

    def boot_request(self, reason: str) -> Any:
        return call.BootNotification(
            charging_station={
                "model": self.profile.model,
                "vendor_name": self.profile.vendor,
                "serial_number": self.profile.serial_number,
                "firmware_version": self.profile.firmware_version,
            },
            reason=reason,
        )

    def heartbeat_request(self) -> Any:
        return call.Heartbeat()

    def status_word(self, connector: Connector) -> str:
        return _STATUS.get(connector.status, "Occupied")

    def status_request(self, connector: Connector | None) -> Any | None:
        if connector is None:
            return None  # 2.0.1 has no status of the station as a whole
        return call.StatusNotification(
            timestamp=stamp(self.clock.now()),
            connector_status=self.status_word(connector),
            evse_id=connector.id,
            connector_id=1,
        )

    def authorize_request(self, id_tag: str) -> Any:
        return call.Authorize(id_token=_token(id_tag))

    def authorization_status(self, answer: Any) -> str | None:
        info = answer.id_token_info
        return None if info is None else str(info["status"])

    def started(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        remote = transaction.remote_start_id is not None
        return self._event(
            transaction,
            "Started",
            "RemoteStart" if remote else "Authorized",
            reading.time,
            info={"charging_state": "EVConnected", "remote_start_id": transaction.remote_start_id},
            meter_value=[_meter_value(reading, "Transaction.Begin", (_ENERGY,))],
            id_token=_token(transaction.id_tag),
            reservation_id=transaction.reservation_id,
        )

    def sampled(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        value = self.meter_value(reading, "Sample.Periodic")
        return self._event(transaction, "Updated", "MeterValuePeriodic", reading.time, meter_value=[value])

    def stray_reading(self, connector: Connector, named: Transaction | int | None) -> Any:
        reading = self.read(connector)
        value = self.meter_value(reading, "Sample.Clock")
        if named is None:
            return call.MeterValues(connector.id, [value])
        seq_no, called = (named.take_seq_no(), named.key) if isinstance(named, Transaction) else (1, f"NEVER-{named}")
        return call.TransactionEvent(
            event_type="Updated",
            timestamp=stamp(reading.time),
            trigger_reason="MeterValueClock",
            seq_no=seq_no,
            transaction_info={"transaction_id": called},
            meter_value=[value],
            evse={"id": connector.id, "connector_id": 1},
        )

    def state_changed(self, transaction: Transaction) -> QueuedMessage:
        info = {"charging_state": self.charging_state(transaction)}
        return self._event(transaction, "Updated", "ChargingStateChanged", self.clock.now(), info=info)

    def triggered(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        """The event that TriggerMessage asks for."""
        info = {"charging_state": self.charging_state(transaction)}
        value = self.meter_value(reading, "Trigger")
        return self._event(transaction, "Updated", "Trigger", reading.time, info=info, meter_value=[value])

    def ended(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        reason = transaction.stop_reason or StopReason.LOCAL
        stopped_reason, trigger = _STOPS[reason]
        return self._event(
            transaction,
            "Ended",
            trigger,
            reading.time,
            info={"charging_state": "EVConnected", "stopped_reason": stopped_reason},
            meter_value=[_meter_value(reading, "Transaction.End", (_ENERGY,))],
            # The token stands for who stopped it: nobody did in a remote stop or a reset.
            id_token=_token(transaction.id_tag) if reason is StopReason.LOCAL else None,
        )

    def charging_state(self, transaction: Transaction) -> str:
        """What the vehicle does, in 2.0.1 words."""
        return _STATES.get(self.connectors[transaction.connector_id].status, "Charging")

    def meter_value(self, reading: Reading, context: str) -> dict[str, Any]:
        """One MeterValue with the measurands that are configured."""
        return _meter_value(reading, context, self.configuration.members(Role.SAMPLED_MEASURANDS) or (_ENERGY,))

    def _event(
        self,
        transaction: Transaction,
        event_type: str,
        trigger: str,
        moment: Any,
        *,
        info: dict[str, Any] | None = None,
        meter_value: list[dict[str, Any]] | None = None,
        id_token: dict[str, Any] | None = None,
        reservation_id: int | None = None,
    ) -> QueuedMessage:
        seq_no = transaction.take_seq_no()

        def render(message: QueuedMessage) -> Any:
            return call.TransactionEvent(
                event_type=event_type,
                timestamp=stamp(moment),
                trigger_reason=trigger,
                seq_no=seq_no,
                transaction_info={"transaction_id": transaction.key, **(info or {})},
                meter_value=meter_value,
                offline=message.offline,
                evse={"id": transaction.connector_id, "connector_id": 1},
                id_token=id_token,
                reservation_id=reservation_id,
            )

        def settle(answer: Any) -> None:
            self.judge(transaction, f"TransactionEvent({event_type})", self.authorization_status(answer))

        return QueuedMessage(transaction.key, "TransactionEvent", render, settle)


def _token(id_tag: str) -> dict[str, Any]:
    return {"id_token": id_tag, "type": "ISO14443"}


def _meter_value(reading: Reading, context: str, requested: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, tuple[float, str, str]] = {
        _ENERGY: (reading.energy_wh, "Wh", "Outlet"),
        "Power.Active.Import": (reading.power_w, "W", "Outlet"),
        "Current.Import": (reading.current_ma / 1_000, "A", "Outlet"),
        "Voltage": (reading.voltage_mv / 1_000, "V", "Outlet"),
    }
    if reading.soc_percent is not None:
        values["SoC"] = (reading.soc_percent, "Percent", "EV")
    return {
        "timestamp": stamp(reading.time),
        "sampled_value": [
            {
                "value": value,
                "context": context,
                "measurand": measurand,
                "location": location,
                "unit_of_measure": {"unit": unit},
            }
            for measurand, (value, unit, location) in values.items()
            if measurand in requested
        ],
    }
