"""Whether the process can do its work, as balancers ask it (grpc.health) and as people do (GET /health).

Does not decide what ready means: it asks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import metadata

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from csms.health.v1 import health_service_pb2, health_service_pb2_grpc
from services.kernel.zones import zone_data_version
from services.process.heartbeats import Heartbeat, TaskState
from services.process.stirring import Rest
from services.rpc.http import service_unavailable
from services.rpc.protobuf import timestamp

Ready = Callable[[], Awaitable[object]]

# While something is done in this service, or has failed, and at rest.
_POLL_SECONDS = 1.0
_REST_SECONDS = 10.0
_ANSWER_SECONDS = 3.0
_WHOLE_SERVER = ""
_log = logging.getLogger(__name__)


class Health:
    """The health of one service: NOT_SERVING until it is said to serve, and for good once it is stopping."""

    def __init__(self, service: str, heartbeats: Sequence[Heartbeat] = ()) -> None:
        self._service = service
        self._heartbeats = heartbeats
        self._version = _installed_version()
        self._serving = False
        self._stopping = False
        self._names: tuple[str, ...] = (_WHOLE_SERVER,)
        self._protocol = health.aio.HealthServicer()

    @property
    def serving(self) -> bool:
        return self._serving

    def register(self, server: grpc.aio.Server) -> None:
        """Answer grpc.health and HealthService on `server`."""
        health_pb2_grpc.add_HealthServicer_to_server(self._protocol, server)
        health_service_pb2_grpc.add_HealthServiceServicer_to_server(_HealthService(self), server)

    async def start(self, names: Iterable[str]) -> None:
        """Answer for the gRPC services `names` too, beside the server as a whole."""
        self._names = (_WHOLE_SERVER, *names)
        await self._tell(serving=False)

    async def set_serving(self, serving: bool) -> None:
        """Say whether the service can do its work; ignored once it is stopping."""
        if serving is not self._serving and not self._stopping:
            await self._tell(serving=serving)
            _log.log(logging.INFO if serving else logging.WARNING, "serving" if serving else "not serving")

    async def stop(self) -> None:
        """NOT_SERVING from now on."""
        self._stopping = True
        await self._tell(serving=False)

    async def watch(self, ready: Ready) -> None:
        """Ask `ready` every second, at rest every ten, for ever; it says no by returning False, by raising and by not
        answering."""
        rest = Rest()
        while True:
            rest.begin_look()
            await self.set_serving(await _is_ready(ready))
            await rest.pause(_REST_SECONDS if self._serving else _POLL_SECONDS, _POLL_SECONDS)

    def response(self) -> health_service_pb2.CheckResponse:
        """What GET /health shows."""
        trouble = [f"{one.name} is {one.state.lower()}" for one in self._heartbeats if one.state != TaskState.WORKING]
        how = "; ".join(["healthy" if self._serving else "not ready", *trouble])
        return health_service_pb2.CheckResponse(
            service=self._service,
            message=f"{self._service.capitalize()} service is {how}",
            status="SERVING" if self._serving else "NOT_SERVING",
            version=self._version,
            time_zone_data=zone_data_version(),
            tasks=map(_task, self._heartbeats),
        )

    async def _tell(self, *, serving: bool) -> None:
        self._serving = serving
        response = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._protocol.set(name, response.SERVING if serving else response.NOT_SERVING)


class _HealthService(health_service_pb2_grpc.HealthServiceServicer):
    def __init__(self, state: Health) -> None:
        self._state = state

    async def Check(
        self,
        request: health_service_pb2.CheckRequest,
        context: grpc.aio.ServicerContext[health_service_pb2.CheckRequest, Awaitable[health_service_pb2.CheckResponse]],
    ) -> health_service_pb2.CheckResponse:
        if not self._state.serving:
            await service_unavailable(context)
        return self._state.response()


def _task(heartbeat: Heartbeat) -> health_service_pb2.BackgroundTask:
    return health_service_pb2.BackgroundTask(
        name=heartbeat.name,
        state=health_service_pb2.BackgroundTask.State.Value(heartbeat.state),
        failures=heartbeat.failures,
        error=heartbeat.error,
        progress_time=timestamp(heartbeat.progress_time),
    )


async def _is_ready(ready: Ready) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await ready() is not False
    except Exception as error:
        _log.debug("not ready: %s", error)
        return False


def _installed_version() -> str:
    try:
        return metadata.version("csms")
    except metadata.PackageNotFoundError:
        return "unknown"
