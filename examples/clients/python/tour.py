"""A tour of the contracts with a client generated for Python."""

import os
import sys
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from csms.monitoring.v1 import monitoring_service_pb2 as monitoring
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from csms.station.v1 import station_pb2
from csms.station.v1 import station_service_pb2 as stations
from csms.station.v1 import station_service_pb2_grpc as stations_grpc


def main() -> int:
    authorization = (("authorization", f"Bearer {os.environ['CSMS_TOKEN']}"),)
    with grpc.insecure_channel(os.environ["CSMS_ADDRESS"]) as channel:
        station_service = stations_grpc.StationServiceStub(channel)

        # The same request id makes one station, however often the answer gets lost.
        request = stations.CreateStationRequest(
            station=station_pb2.Station(name="Made by Python"), request_id=str(uuid.uuid4())
        )
        first, again = (station_service.CreateStation(request, metadata=authorization).station for _ in range(2))
        print(f"created {first.name}, once: {first.id == again.id}")

        try:
            station_service.GetStation(stations.GetStationRequest(station_id="nowhere"), metadata=authorization)
        except grpc.RpcError as error:
            print(f"refused: {error.code().name} {reason_of(error)}")

        monitoring_service = monitoring_grpc.MonitoringServiceStub(channel)
        stream = monitoring.StreamEventsRequest(cursor="0", nouns=["station"], max_events=1)
        return follow(monitoring_service.StreamEvents(stream, metadata=authorization))


def reason_of(error: grpc.RpcError) -> str:
    """The machine-readable reason, one of csms.error.v1.ErrorReason."""
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        detail.Unpack(info)
    return info.reason


def follow(items) -> int:
    cursor = ""
    for item in items:
        cursor = item.cursor
        if item.HasField("event"):
            print(f"event {item.event.subject}")
        if item.HasField("error"):
            print(f"ended early: {item.error.info.reason}; resume after {cursor}")
            return 1
        if item.end:
            print("ended as asked")
            return 0
    print(f"cut; resume after {cursor}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
