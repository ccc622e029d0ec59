"""Reading, writing and reporting the variables of a 2.0.1 charging station.

Settings come from the device model; availability and the clock are read from the hardware at that moment.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ocpp.v201 import call

from simulator.clock import stamp
from simulator.configuration import Kind, Setting, Write
from simulator.v201.device_model import ITEMS_PER_REPORT, Key, report_entry

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint

_WRITE_STATUS = {
    Write.ACCEPTED: "Accepted",
    Write.REBOOT_REQUIRED: "RebootRequired",
    Write.REJECTED: "Rejected",
    Write.READ_ONLY: "Rejected",
}


def get(station: "V201ChargePoint", asked: dict[str, Any]) -> dict[str, Any]:
    """The entry of GetVariablesResponse for one variable asked for."""
    result = _echo(asked)
    setting = _find(station, _key(asked))
    if setting is None:
        return {**result, "attribute_status": _unknown(station, asked)}
    if asked.get("attribute_type", "Actual") != "Actual":
        return {**result, "attribute_status": "NotSupportedAttributeType"}
    if not setting.readable:
        return {**result, "attribute_status": "Rejected"}
    return {**result, "attribute_status": "Accepted", "attribute_value": setting.value}


def set(station: "V201ChargePoint", requested: dict[str, Any]) -> dict[str, Any]:
    """Write one variable; the entry of SetVariablesResponse for it."""
    result = _echo(requested)
    key = _key(requested)
    setting = _find(station, key)
    if setting is None:
        return {**result, "attribute_status": _unknown(station, requested)}
    if requested.get("attribute_type", "Actual") != "Actual":
        return {**result, "attribute_status": "NotSupportedAttributeType"}
    if not setting.writable:
        return {**result, "attribute_status": "Rejected"}
    written = station.configuration.write(key, requested["attribute_value"])
    return {**result, "attribute_status": _WRITE_STATUS[written]}


def report(station: "V201ChargePoint", base: str) -> list[dict[str, Any]]:
    """The entries of a base report: everything, what can be configured, or the availability of the hardware."""
    facts = _facts(station)
    if base == "SummaryInventory":
        return [report_entry(key, setting) for key, setting in facts.items()]
    every = {key: station.configuration.find(key) for key in station.configuration} | facts
    return [
        report_entry(key, setting)
        for key, setting in every.items()
        if setting is not None and (base == "FullInventory" or setting.writable)
    ]


def custom_report(
    station: "V201ChargePoint", criteria: Sequence[str], requested: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The entries of a report of what is named and meets one of the criteria (B08); of either, when the other is not
    given."""
    every = {key: station.configuration.find(key) for key in station.configuration} | _facts(station)
    names = [_requested(one) for one in requested]
    return [
        report_entry(key, setting)
        for key, setting in every.items()
        if setting is not None
        and (not names or any(_matches(key, name) for name in names))
        and (not criteria or any(_meets(key, setting, one) for one in criteria))
    ]


async def send_report(station: "V201ChargePoint", request_id: int, entries: list[dict[str, Any]]) -> None:
    """Send a report in as many messages as it takes."""
    generated = stamp(station.clock.now())
    for seq_no, begin in enumerate(range(0, len(entries), ITEMS_PER_REPORT)):
        request = call.NotifyReport(
            request_id=request_id,
            generated_at=generated,
            seq_no=seq_no,
            report_data=entries[begin : begin + ITEMS_PER_REPORT],
            tbc=begin + ITEMS_PER_REPORT < len(entries),
        )
        await station.tell("NotifyReport", request)


def _requested(asked: dict[str, Any]) -> Key:
    variable = asked.get("variable", {"name": ""})
    return _key({"component": asked["component"], "variable": variable})


def _matches(key: Key, requested: Key) -> bool:
    """Whether a variable is meant by a name that may leave out its variable, instance and place."""
    parts = ("variable", "instance", "evse_id", "connector_id")
    left_out = {name for name in parts if not getattr(requested, name)}
    return replace(key, **{name: getattr(requested, name) for name in left_out}) == requested


def _meets(key: Key, setting: Setting, criterion: str) -> bool:
    """Whether a variable says of its component that it is active, available, enabled, or in trouble."""
    if criterion == "Available" and key.variable == "AvailabilityState":
        return setting.value == "Available"
    return key.variable == criterion and setting.value == "true"


def _facts(station: "V201ChargePoint") -> dict[Key, Setting]:
    operative = any(connector.operative for connector in station.connectors.values())
    facts = {
        Key("ChargingStation", "AvailabilityState"): _state("Available" if operative else "Unavailable"),
        Key("ClockCtrlr", "DateTime"): Setting(stamp(station.clock.now()), Kind.DATE_TIME, writable=False),
        Key("Controller", "FirmwareVersion"): Setting(station.profile.firmware_version, writable=False),
        Key("LocalAuthListCtrlr", "Entries"): _count(len(station.local_list), station.local_list.most_entries),
        Key("MonitoringCtrlr", "ActiveMonitoringLevel"): _count(station.monitors.level, 9),
        Key("SmartChargingCtrlr", "Entries", "ChargingProfiles"): _count(len(list(station.charging_profiles)), 100),
    }
    for connector in station.connectors.values():
        state = _state(station.status_word(connector))
        facts[Key("EVSE", "AvailabilityState", evse_id=connector.id)] = state
        facts[Key("Connector", "AvailabilityState", evse_id=connector.id, connector_id=1)] = state
    return facts


def _count(number: int, most: int) -> Setting:
    return Setting(str(number), Kind.INTEGER, writable=False, minimum=0, maximum=most)


def _state(word: str) -> Setting:
    choices = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
    return Setting(word, Kind.CHOICE, writable=False, choices=choices)


def _find(station: "V201ChargePoint", key: Key) -> Setting | None:
    return station.configuration.find(key) or _facts(station).get(key)


def _key(asked: dict[str, Any]) -> Key:
    component, variable = asked["component"], asked["variable"]
    evse = component.get("evse", {})
    return Key(component["name"], variable["name"], variable.get("instance"), evse.get("id"), evse.get("connector_id"))


def _unknown(station: "V201ChargePoint", asked: dict[str, Any]) -> str:
    name = asked["component"]["name"].lower()
    known = {key.component.lower() for key in (*station.configuration, *_facts(station))}
    return "UnknownVariable" if name in known else "UnknownComponent"


def _echo(asked: dict[str, Any]) -> dict[str, Any]:
    names = ("component", "variable", "attribute_type")
    return {name: asked[name] for name in names if name in asked}
