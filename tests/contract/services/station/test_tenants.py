"""One tenant's stations and charge points are not there for another."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import configuration_template_service_pb2 as template_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1 import file_job_service_pb2 as job_pb
from csms.station.v1 import file_service_pb2 as file_pb
from csms.station.v1 import firmware_campaign_service_pb2 as campaign_pb
from csms.station.v1 import station_pb2
from csms.station.v1 import station_service_pb2 as service_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.configuration_template_pb2 import ConfigurationTemplate, TemplateSetting
from csms.station.v1.configuration_template_service_pb2_grpc import ConfigurationTemplateServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_monitor_pb2 import DeviceMonitor, MonitorReport, ReportedMonitor
from csms.station.v1.device_variable_pb2 import (
    DeviceComponent,
    DeviceVariableName,
    ReportedVariable,
    ReportRequest,
    VariableReport,
)
from csms.station.v1.file_job_pb2 import FileJob
from csms.station.v1.file_job_service_pb2_grpc import FileJobServiceStub
from csms.station.v1.file_service_pb2_grpc import FileServiceStub
from csms.station.v1.firmware_campaign_pb2 import FirmwareCampaign, FirmwareCampaignSelection
from csms.station.v1.firmware_campaign_service_pb2_grpc import FirmwareCampaignServiceStub
from csms.station.v1.refusal_pb2 import Refusal
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from csms.station.v1.stored_file_pb2 import FileLink, Firmware
from services.kernel.ids import new_id
from services.rpc.protobuf import timestamp
from services.station.domain.device_variable import AttributeType, Place, variable_id
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    Station,
    attempt,
    create_point,
    mask,
    open_all,
    open_one,
)
from tests.contract.services.tenants import OTHER, OWNER, Answer, Attempt, Tenants, services_for_people
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES = services_for_people("csms.station.v1")
NAME, KNOCKER = "CP-OF-SOUTH", "UNKNOWN-OF-NOBODY"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def station(service: RunningService, edge: ConnectivityServiceStub) -> station_pb2.Station:
    """A station of the owner, with a charge point that has told everything that can be told."""
    channel = await service.channel("admin", tenant=OWNER)
    made = (
        await StationServiceStub(channel).CreateStation(
            service_pb.CreateStationRequest(
                station=Station(
                    name="Southern Cross",
                    charge_points=[ChargePoint(id=NAME)],
                    connectors=[Connector(evse_id=1, connector_id=1)],
                )
            )
        )
    ).station
    await open_one(edge, NAME)
    await edge.RecordDeviceEvents(pb.RecordDeviceEventsRequest(events=_events()))
    refused = [
        pb.RefusedHandshakes(
            identity=name,
            rule=Refusal.WRONG_PASSWORD,
            remote_address="192.0.2.7",
            count=1,
            first_time=timestamp(datetime.now(UTC)),
        )
        for name in (NAME, KNOCKER)
    ]
    await edge.ReportRefusals(pb.ReportRefusalsRequest(refusals=refused))
    return made


@dataclass
class Kept:
    """Ids of what the owner has kept beside that: an image of firmware that is elsewhere, one whose bytes are awaited,
    a campaign for the first, a log that is awaited."""

    file: str
    awaited: str
    campaign: str
    job: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(service: RunningService, station: station_pb2.Station) -> Kept:
    channel = await service.channel("admin", tenant=OWNER)
    image = Firmware(version="2.0", location="https://vendor.example/wall-2.bin")
    files = FileServiceStub(channel)
    file = (await files.CreateFile(file_pb.CreateFileRequest(name=NAME, firmware=image))).file
    awaited = (await files.CreateFile(file_pb.CreateFileRequest(name=f"{NAME}-awaited"))).file
    campaign = _campaign(file.id)
    made = await FirmwareCampaignServiceStub(channel).CreateFirmwareCampaign(
        campaign_pb.CreateFirmwareCampaignRequest(campaign=campaign)
    )
    internal = FileJobServiceStub(await service.internal_channel("transaction"))
    await internal.PrepareFileJob(
        job_pb.PrepareFileJobRequest(
            charge_point_id=NAME, command_id=new_id(), kind=FileJob.GET_LOG, location="ftp://logs.example/"
        )
    )
    jobs = await FileJobServiceStub(channel).ListFileJobs(job_pb.ListFileJobsRequest(charge_point_id=NAME))
    return Kept(file.id, awaited.id, made.campaign.id, jobs.file_jobs[0].id)


def _campaign(file_id: str) -> FirmwareCampaign:
    return FirmwareCampaign(name=NAME, file_id=file_id, selection=FirmwareCampaignSelection(charge_point_ids=[NAME]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(service: RunningService, station: station_pb2.Station, kept: Kept) -> Tenants:
    """Both of them."""
    templates = ConfigurationTemplateServiceStub(await service.channel("admin", tenant=OWNER))
    made = await templates.CreateConfigurationTemplate(
        template_pb.CreateConfigurationTemplateRequest(template=_template("Of the south"))
    )
    traces = [NAME, station.id, kept.file, kept.awaited, kept.campaign, kept.job, made.template.id]
    attempts = _attempts(station) | _attempts_at_files(kept) | _attempts_at_templates(made.template.id)
    return Tenants(service, attempts, traces)


_HAND = Place("Clock", "", 0, 0, "Hand", "", AttributeType.ACTUAL)


def _attempts(station: station_pb2.Station) -> dict[str, Attempt]:
    nothing = Answer.NOTHING
    return {
        "StationService.ListStations": Attempt(service_pb.ListStationsRequest(), nothing),
        "StationService.GetStation": Attempt(service_pb.GetStationRequest(station_id=station.id)),
        "StationService.CreateStation": Attempt(
            service_pb.CreateStationRequest(station=Station(name="Mine", charge_points=[ChargePoint(id=NAME)])),
            Answer.TAKEN,
        ),
        "StationService.UpdateStation": Attempt(
            service_pb.UpdateStationRequest(
                station_id=station.id, station=Station(name="Taken over"), update_mask=mask(["name"])
            )
        ),
        "StationService.DeleteStation": Attempt(service_pb.DeleteStationRequest(station_id=station.id)),
        "StationService.ListConnectors": Attempt(service_pb.ListConnectorsRequest(station_id=station.id)),
        "StationService.UpdateConnector": Attempt(
            service_pb.UpdateConnectorRequest(
                station_id=station.id,
                connector_id="1",
                connector=Connector(max_power_w=7),
                update_mask=mask(["max_power_w"]),
            )
        ),
        "ChargePointService.ListChargePoints": Attempt(point_pb.ListChargePointsRequest(), nothing),
        "ChargePointService.GetChargePoint": Attempt(point_pb.GetChargePointRequest(charge_point_id=NAME)),
        "ChargePointService.CreateChargePoint": Attempt(
            point_pb.CreateChargePointRequest(charge_point=ChargePoint(id=NAME)), Answer.TAKEN
        ),
        "ChargePointService.UpdateChargePoint": Attempt(
            point_pb.UpdateChargePointRequest(
                charge_point_id=NAME, charge_point=ChargePoint(vendor="Mine"), update_mask=mask(["vendor"])
            )
        ),
        "ChargePointService.DeleteChargePoint": Attempt(point_pb.DeleteChargePointRequest(charge_point_id=NAME)),
        "ChargePointService.ListRefusals": Attempt(point_pb.ListRefusalsRequest(charge_point_id=NAME)),
        "ChargePointService.ListDeviceEvents": Attempt(point_pb.ListDeviceEventsRequest(charge_point_id=NAME), nothing),
        "ChargePointService.ListSecurityEvents": Attempt(point_pb.ListSecurityEventsRequest(), nothing),
        "ChargePointService.GetQuirks": Attempt(point_pb.GetQuirksRequest(charge_point_id=NAME)),
        "ChargePointService.SwitchQuirks": Attempt(point_pb.SwitchQuirksRequest(charge_point_id=NAME)),
        "ChargePointService.ListUnknownChargePoints": Attempt(point_pb.ListUnknownChargePointsRequest(), Answer.OWN),
        "DeviceModelService.ListDeviceVariables": Attempt(
            model_pb.ListDeviceVariablesRequest(charge_point_id=NAME), nothing
        ),
        "DeviceModelService.ListDeviceVariableChanges": Attempt(
            model_pb.ListDeviceVariableChangesRequest(charge_point_id=NAME, variable_id=variable_id(NAME, _HAND)),
            nothing,
        ),
        "DeviceModelService.ListDeviceReports": Attempt(
            model_pb.ListDeviceReportsRequest(charge_point_id=NAME), nothing
        ),
        "DeviceModelService.ListDeviceMonitors": Attempt(
            model_pb.ListDeviceMonitorsRequest(charge_point_id=NAME), nothing
        ),
        "DeviceModelService.ListMonitoringReports": Attempt(
            model_pb.ListMonitoringReportsRequest(charge_point_id=NAME), nothing
        ),
    }


def _template(name: str) -> ConfigurationTemplate:
    return ConfigurationTemplate(name=name, settings=[TemplateSetting(key="A", value="1")])


def _attempts_at_templates(template_id: str) -> dict[str, Attempt]:
    attempts = {
        "ListConfigurationTemplates": Attempt(template_pb.ListConfigurationTemplatesRequest(), Answer.NOTHING),
        "GetConfigurationTemplate": Attempt(template_pb.GetConfigurationTemplateRequest(template_id=template_id)),
        "CreateConfigurationTemplate": Attempt(
            template_pb.CreateConfigurationTemplateRequest(template=_template("Mine")), Answer.OWN
        ),
        "ReplaceConfigurationTemplate": Attempt(
            template_pb.ReplaceConfigurationTemplateRequest(template_id=template_id, template=_template("Taken over"))
        ),
        "ListTemplateDrift": Attempt(template_pb.ListTemplateDriftRequest(template_id=template_id)),
        "GetChargePointDrift": Attempt(template_pb.GetChargePointDriftRequest(charge_point_id=NAME)),
        "PushConfigurationTemplate": Attempt(
            template_pb.PushConfigurationTemplateRequest(template_id=template_id, dry_run=True)
        ),
        "DeleteConfigurationTemplate": Attempt(template_pb.DeleteConfigurationTemplateRequest(template_id=template_id)),
    }
    return {f"ConfigurationTemplateService.{rpc}": attempt for rpc, attempt in attempts.items()}


def _attempts_at_files(kept: Kept) -> dict[str, Attempt]:
    nothing = Answer.NOTHING
    campaign: dict[str, Any] = {"campaign_id": kept.campaign}
    return {
        "FileService.ListFiles": Attempt(file_pb.ListFilesRequest(), nothing),
        "FileService.GetFile": Attempt(file_pb.GetFileRequest(file_id=kept.file)),
        "FileService.CreateFile": Attempt(file_pb.CreateFileRequest(name="mine.bin"), Answer.OWN),
        "FileService.IssueFileLink": Attempt(
            file_pb.IssueFileLinkRequest(file_id=kept.awaited, direction=FileLink.UPLOAD)
        ),
        "FileService.DeleteFile": Attempt(file_pb.DeleteFileRequest(file_id=kept.awaited)),
        "FileJobService.ListFileJobs": Attempt(job_pb.ListFileJobsRequest(charge_point_id=NAME), nothing),
        "FileJobService.GetFileJob": Attempt(job_pb.GetFileJobRequest(file_job_id=kept.job)),
        "FirmwareCampaignService.CreateFirmwareCampaign": Attempt(
            campaign_pb.CreateFirmwareCampaignRequest(campaign=_campaign(kept.file))
        ),
        "FirmwareCampaignService.GetFirmwareCampaign": Attempt(campaign_pb.GetFirmwareCampaignRequest(**campaign)),
        "FirmwareCampaignService.ListFirmwareCampaigns": Attempt(campaign_pb.ListFirmwareCampaignsRequest(), nothing),
        "FirmwareCampaignService.ListFirmwareCampaignTargets": Attempt(
            campaign_pb.ListFirmwareCampaignTargetsRequest(**campaign)
        ),
        "FirmwareCampaignService.HaltFirmwareCampaign": Attempt(campaign_pb.HaltFirmwareCampaignRequest(**campaign)),
        "FirmwareCampaignService.ResumeFirmwareCampaign": Attempt(
            campaign_pb.ResumeFirmwareCampaignRequest(**campaign)
        ),
        "FirmwareCampaignService.CancelFirmwareCampaign": Attempt(
            campaign_pb.CancelFirmwareCampaignRequest(**campaign)
        ),
    }


def _events() -> list[DeviceEvent]:
    usual: dict[str, Any] = {"charge_point_id": NAME, "protocol": "ocpp2.0.1", "epoch": 1, "tenant_id": OWNER}
    reports = [
        VariableReport(
            variables=[
                ReportedVariable(
                    component=DeviceComponent(name=_HAND.component),
                    variable=DeviceVariableName(name=_HAND.variable),
                    value=value,
                )
            ]
        )
        for value in ("1", "2")
    ]
    asked = ReportRequest(
        request_id=7, scope=ReportRequest.FULL_INVENTORY, command_id=NAME, ask_time=timestamp(datetime.now(UTC))
    )
    return [
        DeviceEvent(
            **usual, kind="security_event", action="SecurityEventNotification", subject="TamperDetectionActivated"
        ),
        *(
            DeviceEvent(
                **usual, kind="variables", action="GetVariables", message_id=str(number), variable_report=report
            )
            for number, report in enumerate(reports)
        ),
        DeviceEvent(**usual, kind="report_request", action="GetBaseReport", request_id=7, report_request=asked),
        DeviceEvent(
            **usual, kind="report_request", action="GetMonitoringReport", request_id=8, monitoring_report_request=asked
        ),
        DeviceEvent(
            **usual,
            kind="monitors",
            action="SetVariableMonitoring",
            message_id="monitors",
            monitor_report=MonitorReport(
                monitors=[
                    ReportedMonitor(
                        monitor_id=1,
                        component=DeviceComponent(name=_HAND.component),
                        variable=DeviceVariableName(name=_HAND.variable),
                        type=DeviceMonitor.DELTA,
                        value=1,
                        severity=5,
                    )
                ]
            ),
        ),
    ]


async def test_every_rpc_has_its_attempt(tenants: Tenants) -> None:
    tenants.check_none_is_forgotten(*SERVICES)


async def test_another_tenant_reads_and_changes_nothing(tenants: Tenants) -> None:
    await tenants.check_a_stranger_gets_nothing(*SERVICES)


async def test_the_default_tenant_is_another_one_too(service: RunningService, station: station_pb2.Station) -> None:
    points = ChargePointServiceStub(await service.channel("admin"))
    found = await points.ListChargePoints(point_pb.ListChargePointsRequest(page_size=250))

    assert NAME not in {point.id for point in found.charge_points}


async def test_unknown_charge_points_are_the_default_tenants(
    service: RunningService, station: station_pb2.Station
) -> None:
    seen = {}
    for tenant in (None, OWNER, OTHER):
        points = ChargePointServiceStub(await service.channel("admin", tenant=tenant))
        found = await points.ListUnknownChargePoints(point_pb.ListUnknownChargePointsRequest(page_size=250))
        seen[tenant] = {one.identity for one in found.unknown_charge_points} & {NAME, KNOCKER}

    assert seen == {None: {KNOCKER}, OWNER: set(), OTHER: set()}


async def test_a_thing_cannot_be_put_into_a_place_of_another_tenant(
    service: RunningService, station: station_pb2.Station
) -> None:
    points = ChargePointServiceStub(await service.channel("admin", tenant=OTHER))
    with pytest.raises(Exception, match=r"station .* not found"):
        await create_point(points, "CP-OF-NORTH", station_id=station.id)


async def test_events_name_the_tenant_of_what_they_tell(service: RunningService, station: station_pb2.Station) -> None:
    kinds = ("connection.opened", "device_event.recorded")
    events = [event for kind in kinds for event in await reported(service.database, f"csms.event.station.{kind}", NAME)]
    events += await reported(service.database, "csms.event.station.station.changed", station.id)

    assert len(events) == 3
    assert {event.tenant_id for event in events} == {OWNER}


async def test_things_name_their_tenant_unless_it_is_the_default_one(
    service: RunningService, station: station_pb2.Station
) -> None:
    usual = StationServiceStub(await service.channel("admin"))
    made = (await usual.CreateStation(service_pb.CreateStationRequest(station=Station(name="Usual")))).station

    assert (station.tenant_id, station.charge_points[0].tenant_id) == (OWNER, OWNER)
    assert not made.HasField("tenant_id")


async def test_the_edge_learns_the_tenant_when_a_charge_point_is_let_in(
    edge: ConnectivityServiceStub, station: station_pb2.Station
) -> None:
    [admission] = await open_all(edge, attempt(NAME))

    assert admission.tenant_id == OWNER


async def test_the_owner_gets_what_is_his(tenants: Tenants) -> None:
    """The last of all: it deletes them."""
    await tenants.check_the_owner_gets_it(*SERVICES)
