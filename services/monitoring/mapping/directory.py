"""The directory as callers see it."""

from csms.directory.v1 import directory_service_pb2 as directory_pb
from services.monitoring.domain.service_info import ServiceInfo


def service_to_proto(service: ServiceInfo) -> directory_pb.ServiceInfo:
    """One service of the platform."""
    return directory_pb.ServiceInfo(
        name=service.place.name,
        address=service.place.address,
        public_port=service.place.public_port,
        status=service.health.status,
        message=service.health.message,
        version=service.health.version,
    )
