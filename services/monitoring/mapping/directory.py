"""The directory as callers see it."""

from csms.directory.v1 import directory_service_pb2 as directory_pb
from csms.health.v1 import health_service_pb2 as health_pb
from services.monitoring.domain.service_info import BackgroundTask, ServiceInfo
from services.rpc.protobuf import timestamp


def service_to_proto(service: ServiceInfo) -> directory_pb.ServiceInfo:
    """One service of the platform."""
    return directory_pb.ServiceInfo(
        name=service.place.name,
        address=service.place.address,
        public_port=service.place.public_port,
        status=service.health.status,
        message=service.health.message,
        version=service.health.version,
        tasks=map(_task, service.health.tasks),
    )


def _task(task: BackgroundTask) -> health_pb.BackgroundTask:
    return health_pb.BackgroundTask(
        name=task.name,
        state=health_pb.BackgroundTask.State.Value(task.state),
        failures=task.failures,
        error=task.error,
        progress_time=timestamp(task.progress_time),
        replica=task.replica,
    )
