"""Configuration templates, and how charge points stand to them."""

from typing import Any

from csms.station.v1 import configuration_template_pb2 as template_pb
from csms.station.v1 import configuration_template_service_pb2 as service_pb
from csms.station.v1 import device_variable_pb2 as variable_pb
from services.kernel.errors import invalid
from services.rpc.protobuf import enum_of, timestamp
from services.station.application.configuration_templates import Pushed, PushOptions
from services.station.domain.configuration_template import (
    ChargePointDrift,
    ConfigurationTemplate,
    Reboot,
    SettingDrift,
    TemplateSetting,
    key_setting,
)
from services.station.domain.device_variable import AttributeType, Place
from services.station.ports import Pace

_REBOOTS = template_pb.ConfigurationTemplate.Reboot
_USUAL_PACE, _SLOWEST = 5.0, 0.01
_MOST_SHOWN = 10_000
# What callers say of one, new or changed.
TEMPLATE_FIELDS = ("name", "vendor", "model", "firmware_version", "settings", "reboot")


def template_fields(message: template_pb.ConfigurationTemplate) -> dict[str, Any]:
    """What a caller says of a template, by the names of the domain. Raises: INVALID_FIELD."""
    settings = [
        _setting(setting, f"template.settings[{position}]") for position, setting in enumerate(message.settings)
    ]
    texts = {name: getattr(message, name) for name in ("name", "vendor", "model", "firmware_version")}
    reboot = enum_of(Reboot, _REBOOTS, message.reboot) or Reboot.NEVER
    return {**texts, "settings": tuple(settings), "reboot": reboot}


def template_to_proto(template: ConfigurationTemplate) -> template_pb.ConfigurationTemplate:
    """The resource as callers see it."""
    return template_pb.ConfigurationTemplate(
        id=template.id,
        name=template.name,
        vendor=template.vendor,
        model=template.model,
        firmware_version=template.firmware_version,
        settings=map(_setting_to_proto, template.settings),
        reboot=_REBOOTS.Value(template.reboot),
        create_time=timestamp(template.create_time),
        update_time=timestamp(template.update_time),
        etag=str(template.revision),
    )


def push_options(request: service_pb.PushConfigurationTemplateRequest) -> PushOptions:
    """How to push. Raises: INVALID_FIELD."""
    pace = request.commands_per_second or _USUAL_PACE
    if pace < _SLOWEST:
        raise invalid("commandsPerSecond", f"must be at least {_SLOWEST}")
    return PushOptions(
        charge_point_ids=request.charge_point_ids,
        station_id=request.station_id,
        also_as_desired=request.also_as_desired,
        pace=Pace(pace, request.queue_while_offline),
        dry_run=request.dry_run,
        request_id=request.request_id,
    )


def drift_to_proto(drift: ChargePointDrift) -> template_pb.ChargePointDrift:
    """A charge point beside what it should be set to."""
    return template_pb.ChargePointDrift(
        charge_point_id=drift.charge_point.id,
        protocol=drift.charge_point.protocol,
        drifting=drift.drifting,
        compared=drift.compared,
        settings=map(_drift_to_proto, drift.settings),
    )


def push_to_proto(pushed: Pushed) -> template_pb.TemplatePush:
    """What a push does."""
    return template_pb.TemplatePush(
        campaign_ids=pushed.campaign_ids,
        charge_point_ids=pushed.charge_point_ids[:_MOST_SHOWN],
        charge_point_count=len(pushed.charge_point_ids),
    )


def _drift_to_proto(drift: SettingDrift) -> template_pb.SettingDrift:
    return template_pb.SettingDrift(
        desired=_setting_to_proto(drift.desired),
        state=template_pb.SettingDrift.State.Value(drift.state),
        actual=drift.actual,
        template_id=drift.template_id,
        variable_id=drift.variable_id,
        changed_time=timestamp(drift.changed_time),
    )


def _setting(message: template_pb.TemplateSetting, place: str) -> TemplateSetting:
    is_variable = message.HasField("component") or message.HasField("variable")
    if bool(message.key) == is_variable:
        raise invalid(place, "must have a key (OCPP 1.6), or a component and a variable (OCPP 2.x)")
    if message.key:
        return key_setting(message.key, message.value)
    component, variable = message.component, message.variable
    named = (component.name, component.instance, component.evse_id, component.connector_id)
    return TemplateSetting(Place(*named, variable.name, variable.instance, AttributeType.ACTUAL), message.value)


def _setting_to_proto(setting: TemplateSetting) -> template_pb.TemplateSetting:
    place = setting.place
    if setting.is_key:
        return template_pb.TemplateSetting(key=place.variable, value=setting.value)
    return template_pb.TemplateSetting(
        component=variable_pb.DeviceComponent(
            name=place.component,
            instance=place.component_instance,
            evse_id=place.evse_id,
            connector_id=place.connector_id,
        ),
        variable=variable_pb.DeviceVariableName(name=place.variable, instance=place.variable_instance),
        value=setting.value,
    )
