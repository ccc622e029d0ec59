"""Configuration templates: kept, compared with what charge points tell, pushed by campaigns; and what restarts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from csms.event.v1 import domain_event_pb2 as event_pb
from csms.station.v1 import configuration_template_service_pb2 as template_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.configuration_template_pb2 import ConfigurationTemplate, SettingDrift, TemplateSetting
from csms.station.v1.configuration_template_service_pb2_grpc import ConfigurationTemplateServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariableName
from csms.transaction.v1.command_pb2 import Command, Reset
from csms.transaction.v1.command_result_pb2 import CommandResult, SettingsResult, StatusResult
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity
from services.station.application.configuration_reboots import ConfigurationReboots
from services.station.clients import GrpcCommands, GrpcRunningTransactions
from services.station.consumers import PushConsumer
from services.station.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.station.callers import create_point, open_one
from tests.contract.services.station.test_device_variables import record, reported, variable
from tests.contract.services.station.transactions import Platform
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

INTERVAL = TemplateSetting(
    component=DeviceComponent(name="OCPPCommCtrlr"), variable=DeviceVariableName(name="HeartbeatInterval"), value="300"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def templates(service: RunningService) -> ConfigurationTemplateServiceStub:
    """ConfigurationTemplateService as an operator calls it."""
    return ConfigurationTemplateServiceStub(await service.channel("operator"))


def template(vendor: str, *settings: TemplateSetting, **fields: Any) -> ConfigurationTemplate:
    usual: dict[str, Any] = {"name": f"of {vendor}", "vendor": vendor, "settings": settings or [INTERVAL]}
    return ConfigurationTemplate(**{**usual, **fields})


async def create(
    templates: ConfigurationTemplateServiceStub, asked: ConfigurationTemplate, request_id: str = ""
) -> Any:
    request = template_pb.CreateConfigurationTemplateRequest(template=asked, request_id=request_id)
    return (await templates.CreateConfigurationTemplate(request)).template


async def connect(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str, vendor: str, protocol: str = "ocpp2.0.1"
) -> None:
    await create_point(points, name, vendor=vendor)
    await open_one(edge, name, protocol=protocol)


async def drift_of(templates: ConfigurationTemplateServiceStub, name: str) -> Any:
    request = template_pb.GetChargePointDriftRequest(charge_point_id=name)
    return (await templates.GetChargePointDrift(request)).drift


def states(drift: Any) -> dict[str, str]:
    return {one.desired.key or one.desired.variable.name: SettingDrift.State.Name(one.state) for one in drift.settings}


async def push(templates: ConfigurationTemplateServiceStub, template_id: str, **fields: Any) -> Any:
    request = template_pb.PushConfigurationTemplateRequest(template_id=template_id, **fields)
    return (await templates.PushConfigurationTemplate(request)).push


async def test_a_template_is_made_shown_changed_and_deleted(
    templates: ConfigurationTemplateServiceStub, name: str
) -> None:
    key = TemplateSetting(key="HeartbeatInterval", value="300")
    asked = template(name, INTERVAL, key, model="M", firmware_version="1", reboot=ConfigurationTemplate.ON_IDLE)
    made = await create(templates, asked, name)
    assert (await create(templates, asked, name)).id == made.id
    shown = (
        await templates.GetConfigurationTemplate(template_pb.GetConfigurationTemplateRequest(template_id=made.id))
    ).template
    assert shown == made
    assert list(shown.settings) == [INTERVAL, key]
    listed = await templates.ListConfigurationTemplates(template_pb.ListConfigurationTemplatesRequest())
    assert made in listed.templates

    async def put(etag: str) -> ConfigurationTemplate:
        replaced = template(name, key, etag=etag)
        request = template_pb.ReplaceConfigurationTemplateRequest(template_id=made.id, template=replaced)
        answer: ConfigurationTemplate = (await templates.ReplaceConfigurationTemplate(request)).template
        return answer

    changed = await put(made.etag)
    assert (changed.id, list(changed.settings), changed.model, changed.reboot) == (made.id, [key], "", 1)
    assert await reason(put(made.etag)) == "ETAG_MISMATCH"
    delete = template_pb.DeleteConfigurationTemplateRequest(template_id=made.id)
    await templates.DeleteConfigurationTemplate(delete)
    assert await reason(templates.DeleteConfigurationTemplate(delete)) == "CONFIGURATION_TEMPLATE_NOT_FOUND"
    assert await reason(push(templates, made.id)) == "CONFIGURATION_TEMPLATE_NOT_FOUND"


async def test_what_is_no_template_is_refused_by_its_field(
    templates: ConfigurationTemplateServiceStub, name: str
) -> None:
    both = TemplateSetting(key="A", component=DeviceComponent(name="B"), value="1")
    for asked, wrong in (
        (template(name, both), ["template.settings[0]"]),
        (template(name, TemplateSetting(key="AuthorizationKey", value="x" * 16)), ["template.settings[0].value"]),
        (template(name, name="x" * 201), ["template.name"]),
    ):
        assert await bad_fields(create(templates, asked)) == wrong


async def test_a_drift_follows_what_charge_points_tell_and_what_templates_say(
    templates: ConfigurationTemplateServiceStub,
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    name: str,
) -> None:
    vendor = f"V-{name}"
    secret = TemplateSetting(component=DeviceComponent(name="Acme"), variable=DeviceVariableName(name="Pin"), value="1")
    made = await create(templates, template(vendor, INTERVAL, secret))
    await connect(points, edge, name, vendor)
    assert states(await drift_of(templates, name)) == {"HeartbeatInterval": "NOT_REPORTED", "Pin": "NOT_REPORTED"}
    hidden = variable("Pin", component="Acme", value_withheld=True, mutability=2)
    await record(edge, reported(name, 1, variable("HeartbeatInterval", "60"), hidden))
    drift = await drift_of(templates, name)
    assert states(drift) == {"HeartbeatInterval": "DIFFERENT", "Pin": "WRITE_ONLY"}
    assert (drift.protocol, drift.drifting, drift.compared) == ("ocpp2.0.1", 1, 2)
    assert [one.actual for one in drift.settings if one.HasField("actual")] == ["60"]
    listed = await templates.ListTemplateDrift(template_pb.ListTemplateDriftRequest(template_id=made.id))
    assert [(one.charge_point_id, one.drifting) for one in listed.charge_points] == [(name, 1)]
    await record(edge, reported(name, 2, variable("HeartbeatInterval", "300")))
    assert (await drift_of(templates, name)).drifting == 0
    await record(edge, reported(name, 3, variable("HeartbeatInterval", unknown=True)))
    assert states(await drift_of(templates, name))["HeartbeatInterval"] == "NOT_THERE"
    missing = template_pb.GetChargePointDriftRequest(charge_point_id="nobody")
    failed = templates.GetChargePointDrift(missing)
    assert await reason(failed) == "CHARGE_POINT_NOT_FOUND"


async def test_a_push_sets_those_that_differ_each_in_the_words_of_its_version(
    templates: ConfigurationTemplateServiceStub,
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    platform: Platform,
    name: str,
) -> None:
    vendor = f"V-{name}"
    made = await create(templates, template(vendor, INTERVAL, TemplateSetting(key="HeartbeatInterval", value="200")))
    newer, older, fine, other = (f"{name}-{part}" for part in ("a", "b", "c", "d"))
    for one in (newer, fine):
        await connect(points, edge, one, vendor)
    await connect(points, edge, older, vendor, "ocpp1.6")
    await connect(points, edge, other, "somebody")
    await record(edge, reported(newer, 1, variable("HeartbeatInterval", "60")))
    await record(edge, reported(fine, 1, variable("HeartbeatInterval", "300")))
    tried = await push(templates, made.id, dry_run=True)
    assert (list(tried.charge_point_ids), tried.charge_point_count, list(tried.campaign_ids)) == ([newer, older], 2, [])
    before = len(platform.campaigns)
    pushed = await push(templates, made.id, commands_per_second=2, queue_while_offline=True, request_id=name)
    again = await push(templates, made.id, commands_per_second=2, queue_while_offline=True, request_id=name)
    assert pushed.campaign_ids == again.campaign_ids
    assert len(platform.campaigns) == before + 2
    asked = [request for made_id, request in platform.campaigns.values() if made_id in pushed.campaign_ids]
    said = {
        tuple(request.selection.charge_point_ids): [
            (one.key, one.value) for one in request.command.change_settings.settings
        ]
        for request in asked
    }
    assert said == {
        (newer,): [("OCPPCommCtrlr.HeartbeatInterval", "300")],
        (older,): [("HeartbeatInterval", "200")],
    }
    for request in asked:
        assert (request.commands_per_second, request.options.queue_while_offline) == (2, True)
    everybody = await push(templates, made.id, also_as_desired=True, dry_run=True)
    assert list(everybody.charge_point_ids) == [newer, older, fine]
    assert list((await push(templates, made.id, charge_point_ids=[fine, other])).campaign_ids) == []


class Restarting:
    """A replica that takes in what became of commands, and restarts."""

    def __init__(self, service: RunningService, commands: GrpcCommands, running: GrpcRunningTransactions) -> None:
        self._service = service
        clock = SystemClock()
        units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
        self._consumer = PushConsumer(service.bus, service.database, clock, commands)
        self.reboots = ConfigurationReboots(units_of_work, commands, running, clock)

    async def changed(self, command: Command) -> None:
        """The settings of a charge point were changed by this command."""
        changed = event_pb.CommandChanged(
            command_id=command.id, charge_point_id=command.charge_point_id, kind="change_settings", state=command.state
        )
        async with self._service.database.transaction() as connection:
            await self._consumer.handle(connection, event_pb.DomainEvent(id=command.id, command_changed=changed))


@pytest_asyncio.fixture(loop_scope="module")
async def restarting(service: RunningService, platform: Platform) -> AsyncIterator[Restarting]:
    async with channel(platform.address, "transaction", ServiceIdentity("station", service.settings)) as to_platform:
        yield Restarting(service, GrpcCommands(to_platform), GrpcRunningTransactions(to_platform))


def answered(platform: Platform, name: str, campaign_id: str, status: StatusResult.Status.ValueType) -> Command:
    entry = SettingsResult.Entry(key="A.B", status=StatusResult(status=status))
    result = CommandResult(settings=SettingsResult(entries=[entry]))
    command = Command(
        id=f"{name}/{campaign_id}", charge_point_id=name, campaign_id=campaign_id, state=Command.ACCEPTED, result=result
    )
    platform.commands[command.id] = command
    return command


def resets_of(platform: Platform, name: str) -> list[Any]:
    return [one.body.reset.type for one in platform.created.values() if one.charge_point_id == name]


@pytest.mark.parametrize(
    ("policy", "kinds"),
    [
        (ConfigurationTemplate.NEVER, []),
        (ConfigurationTemplate.ON_IDLE, [Reset.SOFT]),
        (ConfigurationTemplate.AT_ONCE, [Reset.HARD]),
    ],
)
async def test_who_needs_a_restart_gets_it_as_the_template_says(
    templates: ConfigurationTemplateServiceStub,
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    platform: Platform,
    restarting: Restarting,
    name: str,
    policy: Any,
    kinds: list[Any],
) -> None:
    made = await create(templates, template(f"V-{name}", reboot=policy))
    await connect(points, edge, name, f"V-{name}")
    [campaign_id] = (await push(templates, made.id)).campaign_ids
    await restarting.changed(answered(platform, name, campaign_id, StatusResult.ACCEPTED))
    await restarting.reboots.restart_some()
    assert resets_of(platform, name) == []
    platform.running.append(Transaction(charge_point_id=name, state=Transaction.ACTIVE))
    command = answered(platform, name, campaign_id, StatusResult.REBOOT_REQUIRED)
    await restarting.changed(command)
    await restarting.reboots.restart_some()
    # What goes on is not ended for it, unless that is wanted.
    assert resets_of(platform, name) == (kinds if policy == ConfigurationTemplate.AT_ONCE else [])
    platform.running.clear()
    for _ in range(2):
        await restarting.changed(command)
        await restarting.reboots.restart_some()
    assert resets_of(platform, name) == kinds


async def test_a_command_of_no_push_restarts_nobody(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    platform: Platform,
    restarting: Restarting,
    name: str,
) -> None:
    await connect(points, edge, name, "V")
    for campaign_id in ("", "another"):
        await restarting.changed(answered(platform, name, campaign_id, StatusResult.REBOOT_REQUIRED))
    await restarting.reboots.restart_some()
    assert resets_of(platform, name) == []


async def test_an_answer_that_is_quicker_than_the_word_of_its_campaign_is_not_overlooked(
    templates: ConfigurationTemplateServiceStub,
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    platform: Platform,
    restarting: Restarting,
    name: str,
) -> None:
    made = await create(templates, template(f"V-{name}", reboot=ConfigurationTemplate.AT_ONCE))
    await connect(points, edge, name, f"V-{name}")
    answers = []

    async def answer_at_once(campaign_id: str) -> None:
        command = answered(platform, name, campaign_id, StatusResult.REBOOT_REQUIRED)
        answers.append(asyncio.create_task(restarting.changed(command)))
        # Time for it to be taken in, if nothing holds it.
        done, _ = await asyncio.wait(answers, timeout=0.3)
        assert not done

    platform.slow_campaign = answer_at_once
    try:
        await push(templates, made.id)
    finally:
        platform.slow_campaign = None
    await asyncio.gather(*answers)
    await restarting.reboots.restart_some()
    assert resets_of(platform, name) == [Reset.HARD]
