"""The gRPC face of the station service: mapping in, one use case, mapping out."""

from collections.abc import Awaitable, Callable, Sequence, Sized
from typing import Any, TypeVar
from urllib.parse import quote

import grpc.aio

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import charge_point_service_pb2_grpc as point_grpc
from csms.station.v1 import configuration_template_service_pb2 as template_pb
from csms.station.v1 import configuration_template_service_pb2_grpc as template_grpc
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1 import device_model_service_pb2_grpc as model_grpc
from csms.station.v1 import file_job_service_pb2 as job_pb
from csms.station.v1 import file_job_service_pb2_grpc as job_grpc
from csms.station.v1 import file_service_pb2 as file_pb
from csms.station.v1 import file_service_pb2_grpc as file_grpc
from csms.station.v1 import firmware_campaign_service_pb2 as campaign_pb
from csms.station.v1 import firmware_campaign_service_pb2_grpc as campaign_grpc
from csms.station.v1 import station_service_pb2 as station_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, invalid
from services.kernel.identity import composed
from services.kernel.pagination import page_request
from services.rpc import http
from services.rpc.auth import current_caller
from services.rpc.calls import wants_json
from services.rpc.json_answers import Item, JsonPages
from services.rpc.protobuf import duration_of
from services.station.application.charge_points import ChargePoints
from services.station.application.configuration_templates import ConfigurationTemplates
from services.station.application.connectivity import Connectivity
from services.station.application.connectors import Connectors
from services.station.application.device_events import DeviceEvents
from services.station.application.device_model import DeviceModel
from services.station.application.device_monitors import DeviceMonitors
from services.station.application.file_jobs import FileJobs
from services.station.application.files import Files
from services.station.application.firmware_campaigns import FirmwareCampaigns
from services.station.application.free_vending import StartRules
from services.station.application.refusals import Refusals
from services.station.application.stations import Stations
from services.station.domain.connection import lease_of
from services.station.domain.stored_file import FileAddresses
from services.station.mapping import (
    charge_points,
    configuration_templates,
    connections,
    connectors,
    device_events,
    device_monitors,
    device_variables,
    file_jobs,
    files,
    firmware_campaigns,
    free_vending,
    quirks,
    refusals,
    stations,
)

Context = grpc.aio.ServicerContext[Any, Any]
_Message = TypeVar("_Message")
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_MOST_ITEMS = 1000
_MOST_SIGHTINGS = 5000


class StationServicer(station_grpc.StationServiceServicer):
    """csms.station.v1.StationService."""

    def __init__(self, all_stations: Stations, all_connectors: Connectors) -> None:
        self._stations = all_stations
        self._connectors = all_connectors
        self._json_pages = JsonPages(station_pb.ListStationsResponse)

    async def ListStations(
        self, request: station_pb.ListStationsRequest, context: Context
    ) -> station_pb.ListStationsResponse:
        requested = page_request(request.page_size, request.page_token)
        narrowing = stations.station_filter(request)
        # How far one is from somewhere is nothing of the station.
        if wants_json() and narrowing.circle is None:
            return await self._json_pages.answer(await self._stations.heads(narrowing, requested), self._items)
        page = await self._stations.page(narrowing, requested)
        return station_pb.ListStationsResponse(
            stations=map(stations.view_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def _items(self, station_ids: Sequence[str]) -> list[Item]:
        found = await self._stations.views(station_ids)
        return [Item(head, stations.view_to_proto(view)) for head, view in found]

    async def GetStation(
        self, request: station_pb.GetStationRequest, context: Context
    ) -> station_pb.GetStationResponse:
        station = await self._stations.get(request.station_id)
        return station_pb.GetStationResponse(station=stations.view_to_proto(station))

    async def CreateStation(
        self, request: station_pb.CreateStationRequest, context: Context
    ) -> station_pb.CreateStationResponse:
        asked = request.station
        station = await self._stations.create(
            stations.station_fields(asked),
            [charge_points.charge_point_fields(point) for point in asked.charge_points],
            [connectors.connector_fields(connector) for connector in asked.connectors],
            request.request_id,
        )
        await http.created(context, f"/stations/{station.station.id}")
        return station_pb.CreateStationResponse(station=stations.view_to_proto(station))

    async def UpdateStation(
        self, request: station_pb.UpdateStationRequest, context: Context
    ) -> station_pb.UpdateStationResponse:
        changes = stations.station_changes(request)
        station = await self._stations.update(request.station_id, changes, request.station.etag)
        return station_pb.UpdateStationResponse(station=stations.view_to_proto(station))

    async def DeleteStation(
        self, request: station_pb.DeleteStationRequest, context: Context
    ) -> station_pb.DeleteStationResponse:
        await self._stations.delete(request.station_id)
        await http.no_content(context)
        return station_pb.DeleteStationResponse()

    async def ListConnectors(
        self, request: station_pb.ListConnectorsRequest, context: Context
    ) -> station_pb.ListConnectorsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._connectors.page(request.station_id, requested)
        return station_pb.ListConnectorsResponse(
            connectors=map(connectors.connector_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def UpdateConnector(
        self, request: station_pb.UpdateConnectorRequest, context: Context
    ) -> station_pb.UpdateConnectorResponse:
        changes = connectors.connector_changes(request)
        connector = await self._connectors.update(request.station_id, request.connector_id, changes)
        return station_pb.UpdateConnectorResponse(connector=connectors.connector_to_proto(connector))


class ChargePointServicer(point_grpc.ChargePointServiceServicer):
    """csms.station.v1.ChargePointService."""

    def __init__(self, all_charge_points: ChargePoints, all_refusals: Refusals, all_events: DeviceEvents) -> None:
        self._charge_points = all_charge_points
        self._device_events = all_events
        self._refusals = all_refusals

    async def ListChargePoints(
        self, request: point_pb.ListChargePointsRequest, context: Context
    ) -> point_pb.ListChargePointsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._charge_points.page(charge_points.charge_point_filter(request), requested)
        return point_pb.ListChargePointsResponse(
            charge_points=map(charge_points.view_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetChargePoint(
        self, request: point_pb.GetChargePointRequest, context: Context
    ) -> point_pb.GetChargePointResponse:
        point = await self._charge_points.get(composed(request.charge_point_id))
        return point_pb.GetChargePointResponse(charge_point=charge_points.view_to_proto(point))

    async def CreateChargePoint(
        self, request: point_pb.CreateChargePointRequest, context: Context
    ) -> point_pb.CreateChargePointResponse:
        asked = request.charge_point
        point = await self._charge_points.create(charge_points.charge_point_fields(asked), request.request_id)
        await http.created(context, f"/charge-points/{quote(point.charge_point.id, safe='')}")
        return point_pb.CreateChargePointResponse(charge_point=charge_points.view_to_proto(point))

    async def UpdateChargePoint(
        self, request: point_pb.UpdateChargePointRequest, context: Context
    ) -> point_pb.UpdateChargePointResponse:
        changes = charge_points.charge_point_changes(request)
        point = await self._charge_points.update(composed(request.charge_point_id), changes, request.charge_point.etag)
        return point_pb.UpdateChargePointResponse(charge_point=charge_points.view_to_proto(point))

    async def DeleteChargePoint(
        self, request: point_pb.DeleteChargePointRequest, context: Context
    ) -> point_pb.DeleteChargePointResponse:
        await self._charge_points.delete(composed(request.charge_point_id))
        await http.no_content(context)
        return point_pb.DeleteChargePointResponse()

    async def ListRefusals(
        self, request: point_pb.ListRefusalsRequest, context: Context
    ) -> point_pb.ListRefusalsResponse:
        requested = page_request(request.page_size, request.page_token)
        rule = refusals.rule_of(request.rule)
        page = await self._refusals.page(composed(request.charge_point_id), rule, requested)
        return point_pb.ListRefusalsResponse(
            refusals=map(refusals.refusal_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListDeviceEvents(
        self, request: point_pb.ListDeviceEventsRequest, context: Context
    ) -> point_pb.ListDeviceEventsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._device_events.page(device_events.device_event_filter(request), requested)
        return point_pb.ListDeviceEventsResponse(
            events=map(device_events.device_event_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListSecurityEvents(
        self, request: point_pb.ListSecurityEventsRequest, context: Context
    ) -> point_pb.ListSecurityEventsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._device_events.page(device_events.security_event_filter(request), requested)
        return point_pb.ListSecurityEventsResponse(
            events=map(device_events.device_event_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetQuirks(self, request: point_pb.GetQuirksRequest, context: Context) -> point_pb.GetQuirksResponse:
        profile = await self._charge_points.quirks(composed(request.charge_point_id))
        return point_pb.GetQuirksResponse(quirks=quirks.quirks_to_proto(profile))

    async def SwitchQuirks(
        self, request: point_pb.SwitchQuirksRequest, context: Context
    ) -> point_pb.SwitchQuirksResponse:
        switches = quirks.switches_of(request.switches)
        profile = await self._charge_points.switch_quirks(composed(request.charge_point_id), switches)
        return point_pb.SwitchQuirksResponse(quirks=quirks.quirks_to_proto(profile))

    async def ListUnknownChargePoints(
        self, request: point_pb.ListUnknownChargePointsRequest, context: Context
    ) -> point_pb.ListUnknownChargePointsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._refusals.unknown(refusals.unknown_filter(request), requested)
        return point_pb.ListUnknownChargePointsResponse(
            unknown_charge_points=map(refusals.refusal_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )


class DeviceModelServicer(model_grpc.DeviceModelServiceServicer):
    """csms.station.v1.DeviceModelService."""

    def __init__(self, device_model: DeviceModel, monitors: DeviceMonitors) -> None:
        self._device_model = device_model
        self._monitors = monitors

    async def ListDeviceVariables(
        self, request: model_pb.ListDeviceVariablesRequest, context: Context
    ) -> model_pb.ListDeviceVariablesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._device_model.page(device_variables.device_variable_filter(request), requested)
        return model_pb.ListDeviceVariablesResponse(
            variables=map(device_variables.device_variable_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListDeviceVariableChanges(
        self, request: model_pb.ListDeviceVariableChangesRequest, context: Context
    ) -> model_pb.ListDeviceVariableChangesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._device_model.changes(device_variables.variable_change_filter(request), requested)
        return model_pb.ListDeviceVariableChangesResponse(
            changes=map(device_variables.variable_change_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListDeviceReports(
        self, request: model_pb.ListDeviceReportsRequest, context: Context
    ) -> model_pb.ListDeviceReportsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._device_model.reports(composed(request.charge_point_id), requested)
        return model_pb.ListDeviceReportsResponse(
            reports=map(device_variables.device_report_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListDeviceMonitors(
        self, request: model_pb.ListDeviceMonitorsRequest, context: Context
    ) -> model_pb.ListDeviceMonitorsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._monitors.page(device_monitors.device_monitor_filter(request), requested)
        return model_pb.ListDeviceMonitorsResponse(
            monitors=map(device_monitors.device_monitor_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListMonitoringReports(
        self, request: model_pb.ListMonitoringReportsRequest, context: Context
    ) -> model_pb.ListMonitoringReportsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._monitors.reports(composed(request.charge_point_id), requested)
        return model_pb.ListMonitoringReportsResponse(
            reports=map(device_variables.device_report_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )


class ConfigurationTemplateServicer(template_grpc.ConfigurationTemplateServiceServicer):
    """csms.station.v1.ConfigurationTemplateService."""

    def __init__(self, templates: ConfigurationTemplates) -> None:
        self._templates = templates

    async def ListConfigurationTemplates(
        self, request: template_pb.ListConfigurationTemplatesRequest, context: Context
    ) -> template_pb.ListConfigurationTemplatesResponse:
        page = await self._templates.page(page_request(request.page_size, request.page_token))
        return template_pb.ListConfigurationTemplatesResponse(
            templates=map(configuration_templates.template_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetConfigurationTemplate(
        self, request: template_pb.GetConfigurationTemplateRequest, context: Context
    ) -> template_pb.GetConfigurationTemplateResponse:
        template = await self._templates.get(request.template_id)
        return template_pb.GetConfigurationTemplateResponse(
            template=configuration_templates.template_to_proto(template)
        )

    async def CreateConfigurationTemplate(
        self, request: template_pb.CreateConfigurationTemplateRequest, context: Context
    ) -> template_pb.CreateConfigurationTemplateResponse:
        fields = configuration_templates.template_fields(request.template)
        template = await self._templates.create(fields, request.request_id)
        await http.created(context, f"/configuration-templates/{template.id}")
        return template_pb.CreateConfigurationTemplateResponse(
            template=configuration_templates.template_to_proto(template)
        )

    async def ReplaceConfigurationTemplate(
        self, request: template_pb.ReplaceConfigurationTemplateRequest, context: Context
    ) -> template_pb.ReplaceConfigurationTemplateResponse:
        fields = configuration_templates.template_fields(request.template)
        template = await self._templates.replace(request.template_id, fields, request.template.etag)
        return template_pb.ReplaceConfigurationTemplateResponse(
            template=configuration_templates.template_to_proto(template)
        )

    async def DeleteConfigurationTemplate(
        self, request: template_pb.DeleteConfigurationTemplateRequest, context: Context
    ) -> template_pb.DeleteConfigurationTemplateResponse:
        await self._templates.delete(request.template_id)
        await http.no_content(context)
        return template_pb.DeleteConfigurationTemplateResponse()

    async def ListTemplateDrift(
        self, request: template_pb.ListTemplateDriftRequest, context: Context
    ) -> template_pb.ListTemplateDriftResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._templates.drift_page(request.template_id, requested)
        return template_pb.ListTemplateDriftResponse(
            charge_points=map(configuration_templates.drift_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetChargePointDrift(
        self, request: template_pb.GetChargePointDriftRequest, context: Context
    ) -> template_pb.GetChargePointDriftResponse:
        drift = await self._templates.drift(composed(request.charge_point_id))
        return template_pb.GetChargePointDriftResponse(drift=configuration_templates.drift_to_proto(drift))

    async def PushConfigurationTemplate(
        self, request: template_pb.PushConfigurationTemplateRequest, context: Context
    ) -> template_pb.PushConfigurationTemplateResponse:
        pushed = await self._templates.push(request.template_id, configuration_templates.push_options(request))
        return template_pb.PushConfigurationTemplateResponse(push=configuration_templates.push_to_proto(pushed))


class FileServicer(file_grpc.FileServiceServicer):
    """csms.station.v1.FileService."""

    def __init__(self, all_files: Files, addresses: FileAddresses) -> None:
        self._files = all_files
        self._addresses = addresses

    async def CreateFile(self, request: file_pb.CreateFileRequest, context: Context) -> file_pb.CreateFileResponse:
        life = duration_of(request, "link_life")
        file, link = await self._files.create(request.name, files.firmware_of(request), life, request.request_id)
        await http.created(context, f"/files/{file.id}")
        return file_pb.CreateFileResponse(
            file=files.file_to_proto(file),
            link=None if link is None else files.link_to_proto(link, self._addresses),
        )

    async def ListFiles(self, request: file_pb.ListFilesRequest, context: Context) -> file_pb.ListFilesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._files.page(files.file_filter(request), requested)
        return file_pb.ListFilesResponse(
            files=map(files.file_to_proto, page.items), next_page_token=page.next_token, total_size=page.total_size
        )

    async def GetFile(self, request: file_pb.GetFileRequest, context: Context) -> file_pb.GetFileResponse:
        return file_pb.GetFileResponse(file=files.file_to_proto(await self._files.get(request.file_id)))

    async def IssueFileLink(
        self, request: file_pb.IssueFileLinkRequest, context: Context
    ) -> file_pb.IssueFileLinkResponse:
        direction, life = files.direction_of(request.direction), duration_of(request, "life")
        link = await self._files.link(request.file_id, direction, life)
        return file_pb.IssueFileLinkResponse(link=files.link_to_proto(link, self._addresses))

    async def DeleteFile(self, request: file_pb.DeleteFileRequest, context: Context) -> file_pb.DeleteFileResponse:
        await self._files.delete(request.file_id)
        await http.no_content(context)
        return file_pb.DeleteFileResponse()


class FileJobServicer(job_grpc.FileJobServiceServicer):
    """csms.station.v1.FileJobService."""

    def __init__(self, jobs: FileJobs) -> None:
        self._jobs = jobs

    async def ListFileJobs(self, request: job_pb.ListFileJobsRequest, context: Context) -> job_pb.ListFileJobsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._jobs.page(file_jobs.file_job_filter(request), requested)
        return job_pb.ListFileJobsResponse(
            file_jobs=map(file_jobs.file_job_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetFileJob(self, request: job_pb.GetFileJobRequest, context: Context) -> job_pb.GetFileJobResponse:
        return job_pb.GetFileJobResponse(
            file_job=file_jobs.file_job_to_proto(await self._jobs.get(request.file_job_id))
        )

    async def PrepareFileJob(
        self, request: job_pb.PrepareFileJobRequest, context: Context
    ) -> job_pb.PrepareFileJobResponse:
        return file_jobs.directions_to_proto(await self._jobs.prepare(file_jobs.errand(request)))

    async def SettleFileJob(
        self, request: job_pb.SettleFileJobRequest, context: Context
    ) -> job_pb.SettleFileJobResponse:
        await self._jobs.settle(request.command_id, request.accepted, request.status, request.error)
        return job_pb.SettleFileJobResponse()


class FirmwareCampaignServicer(campaign_grpc.FirmwareCampaignServiceServicer):
    """csms.station.v1.FirmwareCampaignService."""

    def __init__(self, campaigns: FirmwareCampaigns) -> None:
        self._campaigns = campaigns

    async def CreateFirmwareCampaign(
        self, request: campaign_pb.CreateFirmwareCampaignRequest, context: Context
    ) -> campaign_pb.CreateFirmwareCampaignResponse:
        plan = firmware_campaigns.campaign_plan(request.campaign)
        made = await self._campaigns.make(plan, request.request_id, current_caller().subject)
        await http.created(context, f"/firmware-campaigns/{made.campaign.id}")
        return campaign_pb.CreateFirmwareCampaignResponse(campaign=firmware_campaigns.campaign_to_proto(made))

    async def GetFirmwareCampaign(
        self, request: campaign_pb.GetFirmwareCampaignRequest, context: Context
    ) -> campaign_pb.GetFirmwareCampaignResponse:
        found = await self._campaigns.get(request.campaign_id)
        return campaign_pb.GetFirmwareCampaignResponse(campaign=firmware_campaigns.campaign_to_proto(found))

    async def ListFirmwareCampaigns(
        self, request: campaign_pb.ListFirmwareCampaignsRequest, context: Context
    ) -> campaign_pb.ListFirmwareCampaignsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._campaigns.page(firmware_campaigns.campaign_state(request.state), requested)
        return campaign_pb.ListFirmwareCampaignsResponse(
            campaigns=map(firmware_campaigns.campaign_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def ListFirmwareCampaignTargets(
        self, request: campaign_pb.ListFirmwareCampaignTargetsRequest, context: Context
    ) -> campaign_pb.ListFirmwareCampaignTargetsResponse:
        requested, state = page_request(request.page_size, request.page_token), request.state
        page = await self._campaigns.targets(request.campaign_id, firmware_campaigns.target_state(state), requested)
        return campaign_pb.ListFirmwareCampaignTargetsResponse(
            targets=map(firmware_campaigns.target_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def HaltFirmwareCampaign(
        self, request: campaign_pb.HaltFirmwareCampaignRequest, context: Context
    ) -> campaign_pb.HaltFirmwareCampaignResponse:
        changed = await self._campaigns.halt(request.campaign_id, current_caller().subject)
        return campaign_pb.HaltFirmwareCampaignResponse(campaign=firmware_campaigns.campaign_to_proto(changed))

    async def ResumeFirmwareCampaign(
        self, request: campaign_pb.ResumeFirmwareCampaignRequest, context: Context
    ) -> campaign_pb.ResumeFirmwareCampaignResponse:
        changed = await self._campaigns.resume(request.campaign_id, current_caller().subject)
        return campaign_pb.ResumeFirmwareCampaignResponse(campaign=firmware_campaigns.campaign_to_proto(changed))

    async def CancelFirmwareCampaign(
        self, request: campaign_pb.CancelFirmwareCampaignRequest, context: Context
    ) -> campaign_pb.CancelFirmwareCampaignResponse:
        changed = await self._campaigns.cancel(request.campaign_id, current_caller().subject)
        return campaign_pb.CancelFirmwareCampaignResponse(campaign=firmware_campaigns.campaign_to_proto(changed))


class ConnectivityServicer(connectivity_grpc.ConnectivityServiceServicer):
    """csms.station.v1.ConnectivityService."""

    def __init__(
        self,
        connectivity: Connectivity,
        all_connectors: Connectors,
        all_refusals: Refusals,
        all_charge_points: ChargePoints,
        start_rules: StartRules,
        all_events: DeviceEvents,
        clock: Clock,
    ) -> None:
        self._connectivity = connectivity
        self._connectors = all_connectors
        self._refusals = all_refusals
        self._charge_points = all_charge_points
        self._start_rules = start_rules
        self._device_events = all_events
        self._clock = clock

    async def OpenConnections(
        self, request: connectivity_pb.OpenConnectionsRequest, context: Context
    ) -> connectivity_pb.OpenConnectionsResponse:
        _check_size("attempts", request.attempts, _MOST_ITEMS)
        admissions = await self._connectivity.open([connections.attempt(item) for item in request.attempts])
        return connectivity_pb.OpenConnectionsResponse(admissions=map(connections.admission_to_proto, admissions))

    async def CloseConnections(
        self, request: connectivity_pb.CloseConnectionsRequest, context: Context
    ) -> connectivity_pb.CloseConnectionsResponse:
        _check_size("connections", request.connections, _MOST_ITEMS)
        closed = await self._connectivity.close([connections.closed_connection(item) for item in request.connections])
        return connectivity_pb.CloseConnectionsResponse(answers=map(connections.item_answer, closed))

    async def ReportBoots(
        self, request: connectivity_pb.ReportBootsRequest, context: Context
    ) -> connectivity_pb.ReportBootsResponse:
        _check_size("boots", request.boots, _MOST_ITEMS)
        boots = [_read(charge_points.boot_report, item, self._clock) for item in request.boots]
        answers = await _answer_each(boots, self._connectivity.boot)
        return connectivity_pb.ReportBootsResponse(answers=map(connections.boot_answer_to_proto, answers))

    async def ReportStatuses(
        self, request: connectivity_pb.ReportStatusesRequest, context: Context
    ) -> connectivity_pb.ReportStatusesResponse:
        _check_size("statuses", request.statuses, _MOST_ITEMS)
        reports = [_read(connectors.status_report, item, self._clock) for item in request.statuses]
        answers = await _answer_each(reports, self._connectors.report)
        return connectivity_pb.ReportStatusesResponse(answers=map(connections.item_answer, answers))

    async def ReportRefusals(
        self, request: connectivity_pb.ReportRefusalsRequest, context: Context
    ) -> connectivity_pb.ReportRefusalsResponse:
        _check_size("refusals", request.refusals, _MOST_ITEMS)
        await self._refusals.report(refusals.refused(request.refusals, self._clock))
        return connectivity_pb.ReportRefusalsResponse()

    async def RecordDeviceEvents(
        self, request: connectivity_pb.RecordDeviceEventsRequest, context: Context
    ) -> connectivity_pb.RecordDeviceEventsResponse:
        _check_size("events", request.events, _MOST_ITEMS)
        events = [_read(device_events.device_event, item, self._clock) for item in request.events]
        answers = await _answer_each(events, self._device_events.record)
        return connectivity_pb.RecordDeviceEventsResponse(answers=map(connections.item_answer, answers))

    async def ReportLiveness(
        self, request: connectivity_pb.ReportLivenessRequest, context: Context
    ) -> connectivity_pb.ReportLivenessResponse:
        _check_size("sightings", request.sightings, _MOST_SIGHTINGS)
        sightings = [connections.sighting(item, self._clock) for item in request.sightings]
        lease = lease_of(duration_of(request, "lease"))
        superseded = await self._connectivity.live(request.node, request.node_address, lease, sightings)
        return connectivity_pb.ReportLivenessResponse(superseded_charge_point_ids=superseded)

    async def FindConnection(
        self, request: connectivity_pb.FindConnectionRequest, context: Context
    ) -> connectivity_pb.FindConnectionResponse:
        connection = await self._connectivity.find(request.charge_point_id)
        return connectivity_pb.FindConnectionResponse(connection=connections.connection_to_proto(connection))

    async def StagePassword(
        self, request: connectivity_pb.StagePasswordRequest, context: Context
    ) -> connectivity_pb.StagePasswordResponse:
        await self._charge_points.stage_password(request.charge_point_id, request.source, request.password)
        return connectivity_pb.StagePasswordResponse()

    async def WithdrawPassword(
        self, request: connectivity_pb.WithdrawPasswordRequest, context: Context
    ) -> connectivity_pb.WithdrawPasswordResponse:
        await self._charge_points.withdraw_password(request.charge_point_id, request.source)
        return connectivity_pb.WithdrawPasswordResponse()

    async def FindFreeVending(
        self, request: connectivity_pb.FindFreeVendingRequest, context: Context
    ) -> connectivity_pb.FindFreeVendingResponse:
        _check_size("places", request.places, _MOST_ITEMS)
        rules = await self._start_rules.at([free_vending.place(item) for item in request.places])
        return connectivity_pb.FindFreeVendingResponse(answers=map(free_vending.start_rule_to_proto, rules))

    async def ListConnections(
        self, request: connectivity_pb.ListConnectionsRequest, context: Context
    ) -> connectivity_pb.ListConnectionsResponse:
        page = await self._connectivity.page(page_request(request.page_size, request.page_token))
        return connectivity_pb.ListConnectionsResponse(
            connections=map(connections.connection_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )


def _check_size(field: str, items: Sized, most: int) -> None:
    if len(items) > most:
        raise invalid(field, f"must be at most {most} items")


def _read(reading: Callable[[_Message, Clock], _Item], message: _Message, clock: Clock) -> _Item | DomainError:
    """An item of a batch, or why it is none."""
    try:
        return reading(message, clock)
    except DomainError as error:
        return error


async def _answer_each(
    items: Sequence[_Item | DomainError], use_case: Callable[[Sequence[_Item]], Awaitable[Sequence[_Answer]]]
) -> list[_Answer | DomainError]:
    """The answers of a use case to the sound items, in their places among those that are none."""
    answers = iter(await use_case([item for item in items if not isinstance(item, DomainError)]))
    return [item if isinstance(item, DomainError) else next(answers) for item in items]
