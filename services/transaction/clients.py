"""The ports of the transaction service that other processes answer, over gRPC."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import grpc.aio
from google.protobuf import json_format

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.edge.v1 import edge_service_pb2_grpc as edge_grpc
from csms.station.v1 import charge_point_service_pb2 as charge_point_pb
from csms.station.v1 import charge_point_service_pb2_grpc as charge_point_grpc
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.station.v1 import file_job_service_pb2 as job_pb
from csms.station.v1 import file_job_service_pb2_grpc as job_grpc
from csms.station.v1 import station_service_pb2 as station_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from services.kernel.errors import DomainError
from services.rpc.channels import channel
from services.rpc.protobuf import duration
from services.rpc.service_identity import ServiceIdentity
from services.transaction.domain.campaign import Selection
from services.transaction.domain.command import Command, Reply
from services.transaction.domain.connector_power import ConnectorPower
from services.transaction.mapping.campaigns import page_of_selected
from services.transaction.mapping.commands import body_of, body_to_proto, priority_to_proto, reply_of
from services.transaction.mapping.stations import connector_powers

_LARGEST_PAGE = 250
_MOST_CHANNELS = 64
# What the edge needs beyond the time the charge point gets.
_HOP_SECONDS = 0.5
_RECALL_SECONDS = 5.0


class GrpcChargePoints:
    """Satisfies ports.ChargePoints."""

    def __init__(self, station_channel: grpc.aio.Channel) -> None:
        self._connectivity = connectivity_grpc.ConnectivityServiceStub(station_channel)
        self._charge_points = charge_point_grpc.ChargePointServiceStub(station_channel)
        self._file_jobs = job_grpc.FileJobServiceStub(station_channel)

    async def edge_address(self, charge_point_id: str) -> str | None:
        request = connectivity_pb.FindConnectionRequest(charge_point_id=charge_point_id)
        try:
            found = await self._connectivity.FindConnection(request)
        except DomainError as error:
            if error.reason != "CONNECTION_NOT_FOUND":
                raise
        else:
            return found.connection.node_address
        await self._check_exists(charge_point_id)
        return None

    async def stage_password(self, charge_point_id: str, source: str, password: str) -> None:
        request = connectivity_pb.StagePasswordRequest(
            charge_point_id=charge_point_id, source=source, password=password
        )
        await self._connectivity.StagePassword(request)

    async def withdraw_password(self, charge_point_id: str, source: str) -> None:
        request = connectivity_pb.WithdrawPasswordRequest(charge_point_id=charge_point_id, source=source)
        await self._connectivity.WithdrawPassword(request)

    async def prepare_file_job(self, command: Command, body: Mapping[str, Any]) -> Mapping[str, Any]:
        request = job_pb.PrepareFileJobRequest(charge_point_id=command.charge_point_id, command_id=command.id)
        json_format.ParseDict({**_errand(body), "kind": command.kind.upper()}, request)
        directions = await self._file_jobs.PrepareFileJob(request)
        # What the caller says himself counts.
        return {**body_of(command.kind, directions), **body, "location": directions.location}

    async def settle_file_job(self, command_id: str, accepted: bool, status: str, error: str) -> None:
        request = job_pb.SettleFileJobRequest(command_id=command_id, accepted=accepted, status=status, error=error)
        await self._file_jobs.SettleFileJob(request)

    async def _check_exists(self, charge_point_id: str) -> None:
        request = charge_point_pb.GetChargePointRequest(charge_point_id=charge_point_id)
        await self._charge_points.GetChargePoint(request)


class GrpcFleet:
    """Satisfies ports.Fleet."""

    def __init__(self, station_channel: grpc.aio.Channel, page_size: int = _LARGEST_PAGE) -> None:
        self._charge_points = charge_point_grpc.ChargePointServiceStub(station_channel)
        self._page_size = page_size

    async def page(self, selection: Selection, page_token: str) -> tuple[Sequence[str], str]:
        if selection.charge_point_ids:
            return selection.charge_point_ids, ""
        request = page_of_selected(selection, self._page_size, page_token)
        response = await self._charge_points.ListChargePoints(request)
        return [point.id for point in response.charge_points], response.next_page_token


class GrpcStations:
    """Satisfies ports.Stations."""

    def __init__(self, station_channel: grpc.aio.Channel, page_size: int = _LARGEST_PAGE) -> None:
        self._stations = station_grpc.StationServiceStub(station_channel)
        self._page_size = page_size

    async def connector_powers(self, told_time: datetime, page_token: str) -> tuple[Sequence[ConnectorPower], str]:
        request = station_pb.ListStationsRequest(page_size=self._page_size, page_token=page_token)
        response = await self._stations.ListStations(request)
        powers = [power for station in response.stations for power in connector_powers(station, told_time)]
        return powers, response.next_page_token


class GrpcEdge:
    """Satisfies ports.Edge, with one channel for each edge node spoken to of late."""

    def __init__(self, identity: ServiceIdentity) -> None:
        self._identity = identity
        self._channels: OrderedDict[str, grpc.aio.Channel] = OrderedDict()

    async def deliver(self, address: str, command: Command, body: Mapping[str, Any], timeout: timedelta) -> Reply:
        request = edge_pb.DeliverCommandRequest(
            command_id=command.id,
            charge_point_id=command.charge_point_id,
            body=body_to_proto(command.kind, body),
            timeout=duration(timeout),
            priority=priority_to_proto(command.priority),
        )
        stub = edge_grpc.EdgeServiceStub(await self._channel(address))
        response = await stub.DeliverCommand(request, timeout=timeout.total_seconds() + _HOP_SECONDS)
        return reply_of(response)

    async def recall(self, address: str, command: Command, age: timedelta) -> Reply | None:
        request = edge_pb.RecallCommandRequest(
            command_id=command.id, charge_point_id=command.charge_point_id, age=duration(age)
        )
        stub = edge_grpc.EdgeServiceStub(await self._channel(address))
        response = await stub.RecallCommand(request, timeout=_RECALL_SECONDS)
        return None if response.never_came else reply_of(response.delivered)

    async def close(self) -> None:
        """Close every channel."""
        while self._channels:
            await self._channels.popitem()[1].close()

    async def _channel(self, address: str) -> grpc.aio.Channel:
        if address not in self._channels:
            self._channels[address] = channel(address, "edge", self._identity)
        self._channels.move_to_end(address)
        if len(self._channels) > _MOST_CHANNELS:
            _, oldest = self._channels.popitem(last=False)
            await oldest.close(grace=_HOP_SECONDS)
        return self._channels[address]


def _errand(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the station service has to know of a command about a file."""
    names = job_pb.PrepareFileJobRequest.DESCRIPTOR.fields_by_name
    return {name: value for name, value in body.items() if name in names}
