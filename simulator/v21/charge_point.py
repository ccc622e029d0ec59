"""A charging station that speaks OCPP 2.1: as one of 2.0.1, but that it tells its statuses as variables.

What both versions share is said in the words of 2.0.1; the package checks it by the schemas of 2.1.
"""

from itertools import count
from typing import Any, ClassVar

from ocpp.v21 import call

from simulator.clock import stamp
from simulator.connector import Connector, Transaction
from simulator.offline import QueuedMessage
from simulator.session import OcppSession
from simulator.transport import Transport
from simulator.v21.session import V21Session
from simulator.v201.charge_point import V201ChargePoint


class V21ChargePoint(V201ChargePoint):
    """See ChargePoint."""

    protocol: ClassVar[str] = "2.1"
    subprotocol: ClassVar[str] = "ocpp2.1"

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._event_ids = count()

    def open_session(self, transport: Transport) -> OcppSession:
        return V21Session(self, transport)

    def status_request(self, connector: Connector | None) -> Any:
        """NotifyEvent of AvailabilityState: StatusNotification is of yesterday."""
        component: dict[str, Any] = {"name": "ChargingStation"}
        if connector is not None:
            component = {"name": "Connector", "evse": {"id": connector.id, "connector_id": 1}}
        now = stamp(self.clock.now())
        event = {
            "event_id": next(self._event_ids),
            "timestamp": now,
            "trigger": "Delta",
            "actual_value": "Available" if connector is None else self.status_word(connector),
            "event_notification_type": "HardWiredNotification",
            "component": component,
            "variable": {"name": "AvailabilityState"},
        }
        return call.NotifyEvent(generated_at=now, seq_no=0, event_data=[event])

    def _event(
        self,
        transaction: Transaction,
        event_type: str,
        trigger: str,
        moment: Any,
        *,
        info: dict[str, Any] | None = None,
        **more: Any,
    ) -> QueuedMessage:
        if event_type == "Started":
            info = {**(info or {}), "operation_mode": "ChargingOnly"}
        return super()._event(transaction, event_type, trigger, moment, info=info, **more)
