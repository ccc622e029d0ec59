"""NotifyEvent (OCPP 2.0.1 use case N07): variables of the device model that changed, or that are watched.

What it says of whether connectors are available is a status as well (G01): for some stations it is the only one.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime

from csms.station.v1.connectivity_service_pb2 import StatusReport
from csms.station.v1.connector_pb2 import Connector
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import VariableReport
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import Moment
from ocpp_edge.facts.device_events import device_event, moment_at
from ocpp_edge.facts.payloads import connector_at
from ocpp_edge.facts.places import place
from ocpp_edge.facts.variables import name_of, with_value
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.monitors import monitored_change
from ocpp_edge.v2.status_notification import STATUSES
from ocpp_edge.v2.variables import key_of
from services.kernel.redaction import MASK, is_secret
from services.rpc.protobuf import write_time

_STATION, _EVSE = "ChargingStation", "EVSE"
_PLACES = (_STATION, _EVSE, "Connector")
_STATUS = "AvailabilityState"


def to_events(payload: Payload, context: ChargerContext, moment: Moment) -> list[DeviceEvent]:
    """An event for each variable; the message itself when it tells of none."""
    entries = payload.get("eventData") or ()
    if not entries:
        return [device_event("variable", payload, context, moment)]
    return [_event(entry, context, moment) for entry in entries]


def to_statuses(payload: Payload, context: ChargerContext, moment: Moment) -> Iterator[StatusReport]:
    """What connectors, EVSEs and the station as a whole are doing; in a word of the vendor's own it is unknown."""
    for entry in payload.get("eventData") or ():
        component: Payload = entry.get("component", {})
        name, said = component.get("name"), entry.get("actualValue", "")
        if name not in _PLACES or not said or entry.get("variable", {}).get("name") != _STATUS:
            continue
        evse: Payload = component.get("evse", {})
        if name == _EVSE and not evse.get("id"):
            # Without its number it would be the station as a whole.
            continue
        status = STATUSES.get(said, Connector.STATUS_UNSPECIFIED)
        report = StatusReport(
            charge_point_id=context.charge_point_id,
            epoch=context.epoch,
            evse=place(connector_at(evse, "id", context), connector_at(evse, "connectorId", context)),
            status=status,
            reported_status="" if status else said,
            info=entry.get("techInfo", ""),
            vendor_error_code=entry.get("techCode", ""),
        )
        write_time(_time(entry, moment, context), report.device_time)
        write_time(context.received_time, report.received_time)
        yield report


EFFECT = Effect(
    rows=("device_events.subject", "device_events.status", "device_variables.value", "connectors.status"),
    events=("connector_status_changed", "device_event_recorded"),
)


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    # One message is one piece of evidence about the clock, however many stamps are in it.
    moment = moment_at(payload, "generatedAt", context)
    events, statuses = to_events(payload, context, moment), list(to_statuses(payload, context, moment))
    await asyncio.gather(backend.record_device_events(events), *map(backend.report_status, statuses))
    return {}


def _event(entry: Payload, context: ChargerContext, moment: Moment) -> DeviceEvent:
    component: Payload = entry.get("component", {})
    evse: Payload = component.get("evse", {})
    subject = key_of(component, entry.get("variable", {}))
    value = entry.get("actualValue", "")
    details = (entry.get("techCode", ""), entry.get("techInfo", ""), "cleared" if entry.get("cleared") else "")
    event = device_event(
        "variable",
        entry,
        context,
        moment,
        subject=subject,
        status=MASK if is_secret(subject) else value,
        info=", ".join(filter(None, details)),
        evse_id=connector_at(evse, "id", context),
        connector_id=connector_at(evse, "connectorId", context),
    )
    write_time(_time(entry, moment, context), event.time)
    event.monitored_change.CopyFrom(monitored_change(entry))
    variable = name_of(component, entry.get("variable", {})) if "actualValue" in entry else None
    if variable is not None:
        event.variable_report.CopyFrom(VariableReport(variables=[with_value(variable, event.status)]))
    return event


def _time(entry: Payload, moment: Moment, context: ChargerContext) -> datetime:
    stamp = entry.get("timestamp")
    return moment.time_of_sample(stamp, context.forgives) if stamp else moment.corrected_time
