"""Domain events as they are published."""

from dataclasses import replace
from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from csms.station.v1 import firmware_campaign_pb2 as campaign_pb
from csms.station.v1 import refusal_pb2 as refusal_pb
from services.kernel.ids import new_id
from services.kernel.tenancy import owner_of_new
from services.messaging.subjects import subject
from services.rpc.protobuf import write_time
from services.station.application.stations import StationView
from services.station.domain.events import (
    ChargePointBooted,
    ChargePointChanged,
    ConnectionRefused,
    ConnectivityChanged,
    ConnectorAvailabilityChanged,
    ConnectorStatusChanged,
    DeviceEventRecorded,
    DomainEvent,
    FirmwareCampaignChanged,
    StationChanged,
)
from services.station.mapping.charge_points import charge_point_to_proto, state_to_proto
from services.station.mapping.connectors import connector_to_proto, status_to_proto
from services.station.mapping.device_events import device_event_to_proto
from services.station.mapping.stations import station_to_proto


def event_to_proto(event: DomainEvent, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    message = _payload(event)
    message.id = new_id()
    message.subject = _subject(event)
    message.tenant_id = _tenant(event)
    write_time(now, message.create_time)
    return message


def _subject(event: DomainEvent) -> str:
    match event:
        case StationChanged(deleted=deleted):
            return subject("station_changed", "deleted" if deleted else "changed", event.station.id)
        case ConnectorAvailabilityChanged():
            return subject("connector_availability_changed", "availability_changed", event.connector.charge_point_id)
        case ConnectorStatusChanged():
            verb = "status_confirmed" if event.is_confirmed else "status_changed"
            return subject("connector_status_changed", verb, event.connector.charge_point_id)
        case ConnectivityChanged(online=online):
            return subject("connectivity_changed", "opened" if online else "closed", event.charge_point_id)
        case ChargePointBooted():
            return subject("charge_point_booted", "booted", event.charge_point.id)
        case ChargePointChanged(deleted=deleted):
            return subject("charge_point_changed", "deleted" if deleted else "changed", event.charge_point.id)
        case ConnectionRefused():
            return subject("connection_refused", "refused", event.refusal.identity)
        case DeviceEventRecorded():
            return subject("device_event_recorded", "recorded", event.event.charge_point_id)
        case FirmwareCampaignChanged():
            return subject("firmware_campaign_changed", "changed", event.campaign.id)


def _tenant(event: DomainEvent) -> str:
    match event:
        case StationChanged(station=station):
            return station.tenant_id
        case ChargePointBooted(charge_point=point) | ChargePointChanged(charge_point=point):
            return point.tenant_id
        case DeviceEventRecorded(event=recorded):
            return recorded.tenant_id
        case FirmwareCampaignChanged(campaign=campaign):
            return campaign.tenant_id
        case ConnectorAvailabilityChanged():
            # Told by the operator who has changed it.
            return owner_of_new()
        case _:
            return event.tenant_id


def _payload(event: DomainEvent) -> event_pb.DomainEvent:
    match event:
        case StationChanged():
            view = StationView(event.station, event.connectors, event.charge_points)
            payload = event_pb.StationChanged(
                station=station_to_proto(view),
                deleted=event.deleted,
                changed_configuration=event.changed_configuration,
            )
            return event_pb.DomainEvent(station_changed=payload)
        case ConnectorAvailabilityChanged():
            availability = event_pb.ConnectorAvailabilityChanged(connector=connector_to_proto(event.connector))
            return event_pb.DomainEvent(connector_availability_changed=availability)
        case ConnectorStatusChanged():
            status = event_pb.ConnectorStatusChanged(
                connector=connector_to_proto(event.connector),
                previous_status=status_to_proto(event.previous_status),
                info=event.info,
                vendor_error_code=event.vendor_error_code,
            )
            if event.boot_time is not None:
                write_time(event.received_time, status.received_time)
                write_time(event.boot_time, status.boot_time)
            return event_pb.DomainEvent(connector_status_changed=status)
        case ConnectivityChanged():
            connectivity = event_pb.ConnectivityChanged(
                charge_point_id=event.charge_point_id,
                station_id=event.station_id or "",
                online=event.online,
                epoch=event.epoch,
                reason=event.reason,
                state=state_to_proto(event.state),
            )
            return event_pb.DomainEvent(connectivity_changed=connectivity)
        case ChargePointBooted():
            boot = event_pb.ChargePointBooted(
                charge_point=charge_point_to_proto(event.charge_point), reason=event.reason
            )
            return event_pb.DomainEvent(charge_point_booted=boot)
        case ChargePointChanged():
            point = event_pb.ChargePointChanged(
                charge_point=charge_point_to_proto(event.charge_point), deleted=event.deleted
            )
            return event_pb.DomainEvent(charge_point_changed=point)
        case _:
            return _payload_of_notices(event)


def _payload_of_notices(
    event: ConnectionRefused | DeviceEventRecorded | FirmwareCampaignChanged,
) -> event_pb.DomainEvent:
    """Of what somebody may have to look at."""
    match event:
        case ConnectionRefused(refusal=refusal):
            refused = event_pb.ConnectionRefused(
                charge_point_id=refusal.identity,
                station_id=event.station_id or "",
                rule=refusal_pb.Refusal.Rule.Value(refusal.rule),
                remote_address=refusal.remote_address,
                count=refusal.count,
                guess_count=refusal.guess_count,
            )
            return event_pb.DomainEvent(connection_refused=refused)
        case DeviceEventRecorded(event=device_event):
            # A report may be long, and is there to be read where it is kept.
            bare = replace(device_event, payload_json="", dropped_json="")
            recorded = event_pb.DeviceEventRecorded(
                event=device_event_to_proto(bare),
                station_id=event.station_id or "",
                resolved=device_event.is_resolved,
                vendor_specific=device_event.is_vendor_specific,
            )
            return event_pb.DomainEvent(device_event_recorded=recorded)
        case FirmwareCampaignChanged(campaign=campaign):
            changed = event_pb.FirmwareCampaignChanged(
                campaign_id=campaign.id,
                name=campaign.name,
                state=campaign_pb.FirmwareCampaign.State.Value(campaign.state),
                reason=campaign.reason,
                wave=campaign.wave,
            )
            return event_pb.DomainEvent(firmware_campaign_changed=changed)
