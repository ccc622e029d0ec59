"""Monitors of a 2.0.1 charging station (OCPP 2.0.1 part 2, block N): set, cleared and reported, and what they notify.

A threshold is looked at whenever a variable may have changed by a command; what is watched by the clock it does not do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from ocpp.v201 import call, call_result
from ocpp.v201.enums import Action

from simulator.clock import stamp
from simulator.session import OcppSession, handles
from simulator.v201 import variables

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint

_ACCEPTED = "Accepted"
_MONITORS_PER_MESSAGE = 10
_CRITERIA = {
    "ThresholdMonitoring": ("UpperThreshold", "LowerThreshold"),
    "DeltaMonitoring": ("Delta",),
    "PeriodicMonitoring": (),
}
_TYPES = frozenset({"UpperThreshold", "LowerThreshold", "Delta"})


@dataclass
class Monitor:
    """One monitor: what it was set to, and the value that it has seen last."""

    id: int
    component: dict[str, Any]
    variable: dict[str, Any]
    type: str
    value: float
    severity: int
    transaction: bool = False
    seen: str = ""
    is_alerting: bool = False

    @property
    def named(self) -> dict[str, Any]:
        """What it watches, as it stands in messages."""
        return {"component": self.component, "variable": self.variable}

    def is_beyond(self, value: str) -> bool:
        """Whether a threshold is passed by this value."""
        try:
            number = float(value)
        except ValueError:
            return False
        return number > self.value if self.type == "UpperThreshold" else number < self.value

    def has_moved(self, value: str) -> bool:
        """Whether a value is away from the one before by what is watched; of what is no number, that it is another."""
        try:
            return abs(float(value) - float(self.seen)) >= self.value
        except ValueError:
            return value != self.seen


@dataclass
class Monitors:
    """All monitors of one station. Those above `level` notify nothing."""

    by_id: dict[int, Monitor] = field(default_factory=dict)
    level: int = 9
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _events: Iterator[int] = field(default_factory=lambda: count(1))

    def set(self, station: "V201ChargePoint", data: dict[str, Any]) -> dict[str, Any]:
        """Set one; the entry of the answer for it."""
        named = {"component": data["component"], "variable": data["variable"]}
        answer = {**named, "type": data["type"], "severity": data["severity"]}
        reading = variables.get(station, named)
        if reading["attribute_status"].startswith("Unknown"):
            return {**answer, "status": reading["attribute_status"]}
        if data["type"] not in _TYPES:
            return {**answer, "status": "UnsupportedMonitorType"}
        number = data.get("id")
        if number is not None and number not in self.by_id:
            return {**answer, "status": "Rejected"}
        alike = (named, data["type"], data["severity"])
        for one in self.by_id.values():
            if (one.named, one.type, one.severity) == alike and one.id != number:
                return {**answer, "status": "Duplicate"}
        monitor = Monitor(
            next(self._numbers) if number is None else number,
            data["component"],
            data["variable"],
            data["type"],
            data["value"],
            data["severity"],
            data.get("transaction", False),
            reading.get("attribute_value", ""),
        )
        self.by_id[monitor.id] = monitor
        return {**answer, "status": _ACCEPTED, "id": monitor.id}

    def chosen(self, criteria: Sequence[str], requested: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The entries of a report, one for each monitor."""
        types = {kind for criterion in criteria for kind in _CRITERIA[criterion]} if criteria else _TYPES
        return [
            {
                **one.named,
                "variable_monitoring": [
                    {
                        "id": one.id,
                        "transaction": one.transaction,
                        "value": one.value,
                        "type": one.type,
                        "severity": one.severity,
                    }
                ],
            }
            for one in self.by_id.values()
            if one.type in types and (not requested or any(_is_named(one, name) for name in requested))
        ]

    def happened(self, station: "V201ChargePoint") -> list[dict[str, Any]]:
        """What has happened to the monitored variables since this was asked last, as entries of NotifyEvent."""
        found = []
        for monitor in self.by_id.values():
            value = variables.get(station, monitor.named).get("attribute_value", "")
            news: dict[str, Any] | None
            if monitor.type == "Delta":
                news = {"trigger": "Delta"} if monitor.has_moved(value) else None
                monitor.seen = value if news else monitor.seen
            else:
                is_beyond = monitor.is_beyond(value)
                news = {"trigger": "Alerting", "cleared": not is_beyond} if is_beyond != monitor.is_alerting else None
                monitor.is_alerting = is_beyond
            if news is not None and monitor.severity <= self.level:
                found.append(
                    {
                        **news,
                        **monitor.named,
                        "event_id": next(self._events),
                        "timestamp": stamp(station.clock.now()),
                        "actual_value": value,
                        "variable_monitoring_id": monitor.id,
                        "event_notification_type": "CustomMonitor",
                    }
                )
        return found


class MonitoringObedience(OcppSession):
    """The handlers of the commands about monitors."""

    station: "V201ChargePoint"

    @handles(Action.set_variable_monitoring)
    def on_set_variable_monitoring(self, set_monitoring_data: list[dict[str, Any]], **_: Any) -> Any:
        results = [self.station.monitors.set(self.station, data) for data in set_monitoring_data]
        self.then(self.notify_monitored())
        return call_result.SetVariableMonitoring(results)

    @handles(Action.clear_variable_monitoring)
    def on_clear_variable_monitoring(self, id: list[int], **_: Any) -> Any:
        known = self.station.monitors.by_id
        statuses = [(number, _ACCEPTED if known.pop(number, None) else "NotFound") for number in id]
        return call_result.ClearVariableMonitoring([{"id": number, "status": status} for number, status in statuses])

    @handles(Action.set_monitoring_base)
    def on_set_monitoring_base(self, monitoring_base: str, **_: Any) -> Any:
        if monitoring_base != "All":
            self.station.monitors.by_id.clear()
        return call_result.SetMonitoringBase(_ACCEPTED)

    @handles(Action.set_monitoring_level)
    def on_set_monitoring_level(self, severity: int, **_: Any) -> Any:
        if severity not in range(10):
            return call_result.SetMonitoringLevel("Rejected")
        self.station.monitors.level = severity
        return call_result.SetMonitoringLevel(_ACCEPTED)

    @handles(Action.get_monitoring_report)
    def on_get_monitoring_report(
        self,
        request_id: int,
        monitoring_criteria: list[str] | None = None,
        component_variable: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> Any:
        entries = self.station.monitors.chosen(monitoring_criteria or (), component_variable or ())
        if not entries:
            return call_result.GetMonitoringReport("EmptyResultSet")
        self.then(self._send_monitors(request_id, entries))
        return call_result.GetMonitoringReport(_ACCEPTED)

    async def notify_monitored(self) -> None:
        """Notify what has happened to monitored variables."""
        if entries := self.station.monitors.happened(self.station):
            now = stamp(self.station.clock.now())
            await self.station.tell("NotifyEvent", call.NotifyEvent(generated_at=now, seq_no=0, event_data=entries))

    async def _send_monitors(self, request_id: int, entries: list[dict[str, Any]]) -> None:
        generated = stamp(self.station.clock.now())
        for seq_no, begin in enumerate(range(0, len(entries), _MONITORS_PER_MESSAGE)):
            end = begin + _MONITORS_PER_MESSAGE
            request = self.monitoring_report(
                request_id=request_id,
                generated_at=generated,
                seq_no=seq_no,
                monitor=entries[begin:end],
                tbc=end < len(entries),
            )
            await self.station.tell("NotifyMonitoringReport", request)

    def monitoring_report(self, **fields: Any) -> Any:
        """A part of a report in the words of the version."""
        return call.NotifyMonitoringReport(**fields)


def _is_named(monitor: Monitor, requested: dict[str, Any]) -> bool:
    is_component = monitor.component == requested["component"]
    return is_component and ("variable" not in requested or monitor.variable == requested["variable"])
