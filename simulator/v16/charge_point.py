"""A charge point that speaks OCPP 1.6: how its facts become requests of that version."""

from typing import Any, ClassVar

from ocpp.v16 import call

from simulator.charge_point import ChargePoint
from simulator.clock import stamp
from simulator.configuration import ConfigurationStore, Role
from simulator.connector import Connector, ConnectorStatus, StopReason, Transaction
from simulator.meter import Reading
from simulator.offline import QueuedMessage
from simulator.session import OcppSession
from simulator.transport import Transport
from simulator.v16.configuration import configuration
from simulator.v16.session import V16Session

# Stands in the StopTransaction of a transaction whose start the central system never answered.
_NO_TRANSACTION_ID = -1


class V16ChargePoint(ChargePoint):
    """See ChargePoint; connectors are numbered from 1, connector 0 is the station itself."""

    protocol: ClassVar[str] = "1.6"
    subprotocol: ClassVar[str] = "ocpp1.6"

    def new_configuration(self) -> ConfigurationStore[Any]:
        return configuration(self.profile)

    def open_session(self, transport: Transport) -> OcppSession:
        return V16Session(self, transport)

    def password_bytes(self, text: str) -> bytes:
        """AuthorizationKey is the password in hex (security whitepaper, A00)."""
        try:
            return bytes.fromhex(text)
        except ValueError:
            return text.encode()

    def boot_request(self, reason: str) -> Any:
        del reason  # 1.6 has no field for it
        return call.BootNotification(
            charge_point_model=self.profile.model,
            charge_point_vendor=self.profile.vendor,
            charge_point_serial_number=self.profile.serial_number,
            firmware_version=self.profile.firmware_version,
        )

    def heartbeat_request(self) -> Any:
        return call.Heartbeat()

    def status_word(self, connector: Connector) -> str:
        return connector.status

    def status_request(self, connector: Connector | None) -> Any:
        if connector is None:
            operative = any(each.operative for each in self.connectors.values())
            status = ConnectorStatus.AVAILABLE if operative else ConnectorStatus.UNAVAILABLE
        else:
            status = connector.status
        return call.StatusNotification(
            connector_id=0 if connector is None else connector.id,
            error_code=(connector and connector.fault) or "NoError",
            status=status,
            timestamp=stamp(self.clock.now()),
        )

    def authorize_request(self, id_tag: str) -> Any:
        return call.Authorize(id_tag=id_tag)

    def authorization_status(self, answer: Any) -> str | None:
        info = answer.id_tag_info
        return None if info is None else str(info["status"])

    def started(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        request = call.StartTransaction(
            connector_id=transaction.connector_id,
            id_tag=transaction.id_tag,
            meter_start=reading.energy_wh,
            reservation_id=transaction.reservation_id,
            timestamp=stamp(reading.time),
        )

        def settle(answer: Any) -> None:
            transaction.transaction_id = int(answer.transaction_id)
            self.judge(transaction, "StartTransaction", self.authorization_status(answer))

        return QueuedMessage(transaction.key, "StartTransaction", lambda _: request, settle)

    def sampled(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        value = self.meter_value(reading, "Sample.Periodic")

        def render(_: QueuedMessage) -> Any:
            return call.MeterValues(transaction.connector_id, [value], transaction.transaction_id)

        return QueuedMessage(transaction.key, "MeterValues", render)

    def stray_reading(self, connector: Connector, named: Transaction | int | None) -> Any:
        value = self.meter_value(self.read(connector), "Sample.Clock")
        number = named.transaction_id if isinstance(named, Transaction) else named
        return call.MeterValues(connector.id, [value], number)

    def state_changed(self, transaction: Transaction) -> None:
        """1.6 tells it by StatusNotification alone."""

    def ended(self, transaction: Transaction, reading: Reading) -> QueuedMessage:
        # The tag stands for who stopped it: nobody did in a remote stop or a reset.
        by_tag = transaction.stop_reason is StopReason.LOCAL

        def render(_: QueuedMessage) -> Any:
            number = transaction.transaction_id
            return call.StopTransaction(
                meter_stop=reading.energy_wh,
                timestamp=stamp(reading.time),
                transaction_id=_NO_TRANSACTION_ID if number is None else number,
                reason=transaction.stop_reason,
                id_tag=transaction.id_tag if by_tag else None,
            )

        def settle(answer: Any) -> None:
            status = self.authorization_status(answer)
            if status is not None:
                self.learn(transaction.id_tag, status)

        return QueuedMessage(transaction.key, "StopTransaction", render, settle)

    def meter_value(self, reading: Reading, context: str) -> dict[str, Any]:
        """One MeterValue with the measurands that are configured."""
        values = {
            "Energy.Active.Import.Register": (str(reading.energy_wh), "Wh", "Outlet"),
            "Power.Active.Import": (str(reading.power_w), "W", "Outlet"),
            "Current.Import": (_thousandths(reading.current_ma), "A", "Outlet"),
            "Voltage": (_thousandths(reading.voltage_mv), "V", "Outlet"),
        }
        if reading.soc_percent is not None:
            values["SoC"] = (str(reading.soc_percent), "Percent", "EV")
        requested = self.configuration.members(Role.SAMPLED_MEASURANDS) or ("Energy.Active.Import.Register",)
        return {
            "timestamp": stamp(reading.time),
            "sampled_value": [
                {"value": value, "context": context, "measurand": measurand, "unit": unit, "location": location}
                for measurand, (value, unit, location) in values.items()
                if measurand in requested
            ],
        }


def _thousandths(number: int) -> str:
    return f"{number // 1_000}.{number % 1_000:03d}"
