"""How a 2.1 charging station answers the central system's commands: as one of 2.0.1, with two exceptions."""

from typing import Any

from ocpp.exceptions import NotImplementedError as ActionNotImplemented
from ocpp.v21 import ChargePoint as PackageV21ChargePoint
from ocpp.v21 import call

from simulator.clock import stamp
from simulator.connector import Connector
from simulator.v201.session import Obedience


class V21Session(Obedience, PackageV21ChargePoint):  # type: ignore[misc]  # the package has no types
    """One connection of a 2.1 charging station."""

    async def _handle_call(self, msg: Any) -> None:
        # Of an action of 2.1 without a handler the package says nothing at all.
        if msg.action not in self.route_map:
            raise ActionNotImplemented(details={"cause": f"No handler for {msg.action} registered."})
        await super()._handle_call(msg)

    def monitoring_report(self, **fields: Any) -> Any:
        """Whose a monitor is, has to be said by 2.1; all of them were set by the central system."""
        for entry in fields["monitor"]:
            for monitor in entry["variable_monitoring"]:
                monitor["event_notification_type"] = "CustomMonitor"
        return call.NotifyMonitoringReport(**fields)

    async def _statuses(self, connectors: list[Connector]) -> None:
        """Who asks for the message gets it, although the station tells its statuses by NotifyEvent."""
        for connector in connectors:
            request = call.StatusNotification(
                timestamp=stamp(self.station.clock.now()),
                connector_status=self.station.status_word(connector),
                evse_id=connector.id,
                connector_id=1,
            )
            await self._tell(request)
