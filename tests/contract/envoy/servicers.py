"""The few RPCs that show something about Envoy, and one handler that answers all others with an empty message.

Every answer tells in its initial metadata, which REST callers get as headers, which process gave it and what it heard.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from csms.health.v1 import health_service_pb2
from csms.monitoring.v1 import monitoring_service_pb2
from csms.station.v1 import station_pb2, station_service_pb2
from services.kernel.errors import DomainError, failed_precondition, invalid, not_found
from services.rpc import status
from services.rpc.http import STATUS_KEY

UNHEALTHY = "driver"
"""The process whose HealthService says that it does not serve."""
WORDY_NAME = "Depot " * 200
STALLED_SECONDS = 10.0
MANY, LARGE_PAGE = "many", 3_000
"""Stations of this name are so many; a page of them has more bytes than Envoy keeps of an answer by itself (1 MiB)."""
JSON_BY_ITSELF = "as json"
"""Stations of this name are answered as JSON to whoever asks for that."""
JSON_PAGE = b'{"data":[{"name":"not transcoded"}%b]}' % (b',{"name":"another"}' * 4_000)


def tell(context: grpc.ServicerContext, process: str, method: str, **more: str) -> None:
    """Send the initial metadata: who answers, to what, what it heard, and `more` (underscores become dashes)."""
    heard = {key: str(value) for key, value in context.invocation_metadata()}
    remaining = context.time_remaining()
    reported = {
        "x_process": process,
        "x_method": method,
        "x_deadline": "none" if remaining is None or remaining > 1e6 else f"{remaining:.1f}",
        "x_heard_authorization": heard.get("authorization", ""),
        "x_heard_path": heard.get("x-envoy-original-path", ""),
        "x_heard_from": heard.get("x-forwarded-for", ""),
        "x_heard_caller_address": heard.get("x-csms-caller-address", ""),
        "x_heard_proof": heard.get("x-csms-proxy-secret", ""),
        "x_heard_names": ",".join(sorted(heard)),
    }
    context.send_initial_metadata(tuple((key.replace("_", "-"), value) for key, value in (reported | more).items()))


def handlers(servicer: object, service: ServiceDescriptor) -> grpc.GenericRpcHandler:
    """The RPCs of `service` that `servicer` has a method for."""
    found = {each.name: _handler(servicer, each) for each in service.methods if hasattr(servicer, each.name)}
    return grpc.method_handlers_generic_handler(service.full_name, found)


def _handler(servicer: object, method: MethodDescriptor) -> "grpc.RpcMethodHandler[Message, Message]":
    make = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
    return make(getattr(servicer, method.name), GetMessageClass(method.input_type).FromString, _serialized)


def _serialized(message: Message | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


class AnyRpc(grpc.GenericRpcHandler):
    """Answers every RPC with an empty message, and keeps in `asked` the last request of each."""

    def __init__(self, process: str, asked: dict[str, bytes]) -> None:
        self._process = process
        self._asked = asked

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        method = handler_call_details.method

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self._asked[method] = request
            tell(context, self._process, method)
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


class Health:
    """Serving, but for one process."""

    def __init__(self, process: str) -> None:
        self._process = process

    def Check(
        self, request: health_service_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> health_service_pb2.CheckResponse:
        method = "/csms.health.v1.HealthService/Check"
        if self._process == UNHEALTHY:
            tell(context, self._process, method, **{STATUS_KEY: "503"})
            return health_service_pb2.CheckResponse(service=self._process, status="NOT_SERVING")
        tell(context, self._process, method)
        return health_service_pb2.CheckResponse(service=self._process, status="SERVING")


class Stations:
    """Stations that exist when asked for. Those whose id or name begins with `flaky` are UNAVAILABLE at first."""

    def __init__(self, process: str) -> None:
        self._process = process
        self.attempts: Counter[str] = Counter()
        """Calls by the id or name that they gave."""

    def GetStation(
        self, request: station_service_pb2.GetStationRequest, context: grpc.ServicerContext
    ) -> station_service_pb2.GetStationResponse:
        self._fail_at_first(request.station_id, context)
        if request.station_id == "missing":
            _fail(context, not_found("station", "missing"))
        if request.station_id == "badly answered":
            tell(context, self._process, "/csms.station.v1.StationService/GetStation", **{STATUS_KEY: "502"})
            _fail(context, failed_precondition("OCPP_CALL_ERROR", "the charge point answered InternalError: no"))
        tell(context, self._process, "/csms.station.v1.StationService/GetStation")
        name = WORDY_NAME if request.station_id == "wordy" else "Depot"
        station = station_pb2.Station(id=request.station_id, name=name, status=station_pb2.Station.ACTIVE)
        return station_service_pb2.GetStationResponse(station=station)

    def ListStations(
        self, request: station_service_pb2.ListStationsRequest, context: grpc.ServicerContext
    ) -> station_service_pb2.ListStationsResponse | bytes:
        tell(context, self._process, "/csms.station.v1.StationService/ListStations")
        if request.text == JSON_BY_ITSELF and ("x-csms-answer", "json") in context.invocation_metadata():
            return JSON_PAGE
        if request.text == MANY:
            wordy = station_pb2.Station(name=WORDY_NAME)
            return station_service_pb2.ListStationsResponse(stations=[wordy] * LARGE_PAGE)
        found = station_pb2.Station(id="s1", name=request.text, status=request.status)
        return station_service_pb2.ListStationsResponse(stations=[found], total_size=1)

    def CreateStation(
        self, request: station_service_pb2.CreateStationRequest, context: grpc.ServicerContext
    ) -> station_service_pb2.CreateStationResponse:
        self._fail_at_first(request.station.name, context)
        if request.station.name == "refused":
            _fail(context, invalid("station.name", "is refused"))
        created = {STATUS_KEY: "201", "location": "/stations/s1"}
        tell(context, self._process, "/csms.station.v1.StationService/CreateStation", **created)
        return station_service_pb2.CreateStationResponse(station=request.station)

    def DeleteStation(
        self, request: station_service_pb2.DeleteStationRequest, context: grpc.ServicerContext
    ) -> station_service_pb2.DeleteStationResponse:
        tell(context, self._process, "/csms.station.v1.StationService/DeleteStation", **{STATUS_KEY: "204"})
        return station_service_pb2.DeleteStationResponse()

    def _fail_at_first(self, key: str, context: grpc.ServicerContext) -> None:
        self.attempts[key] += 1
        if key.startswith("flaky") and self.attempts[key] == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")


class Monitoring:
    """Statuses of one station, and a stream of three items that stalls after the first until it may go on.

    A stream that begins after `broken` fails after its first item.
    """

    def __init__(self, process: str) -> None:
        self._process = process
        self.may_go_on = threading.Event()

    def ListStationStatuses(
        self, request: monitoring_service_pb2.ListStationStatusesRequest, context: grpc.ServicerContext
    ) -> monitoring_service_pb2.ListStationStatusesResponse:
        tell(context, self._process, "/csms.monitoring.v1.MonitoringService/ListStationStatuses")
        return monitoring_service_pb2.ListStationStatusesResponse(total_size=1)

    def StreamEvents(
        self, request: monitoring_service_pb2.StreamEventsRequest, context: grpc.ServicerContext
    ) -> Iterator[monitoring_service_pb2.StreamEventsResponse]:
        tell(context, self._process, "/csms.monitoring.v1.MonitoringService/StreamEvents")
        yield monitoring_service_pb2.StreamEventsResponse(cursor=request.cursor or "1")
        if request.cursor == "broken":
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        self.may_go_on.wait(STALLED_SECONDS)
        yield monitoring_service_pb2.StreamEventsResponse(cursor="2")
        yield monitoring_service_pb2.StreamEventsResponse(cursor="3", end=True)


def _fail(context: grpc.ServicerContext, error: DomainError) -> NoReturn:
    context.abort_with_status(rpc_status.to_status(status.to_status(error)))
