"""Connections, and the answers to batches about them."""

from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.rpc.protobuf import time_of, timestamp
from services.rpc.status import item_error
from services.station.application.connectivity import Admission, BootAnswer
from services.station.domain.connection import ClosedConnection, Connection, ConnectionAttempt, Sighting
from services.station.domain.quirks import profile_of
from services.station.mapping.charge_points import state_to_proto
from services.station.mapping.quirks import profile_to_proto


def attempt(message: connectivity_pb.ConnectionAttempt) -> ConnectionAttempt:
    """What the edge knows of a charge point at its handshake."""
    return ConnectionAttempt(
        charge_point_id=message.charge_point_id,
        protocol=message.protocol,
        offers=tuple(message.offered_protocols) or (message.protocol,),
        node=message.node,
        node_address=message.node_address,
        remote_address=message.remote_address,
        password=message.password if message.HasField("password") else None,
        certificate_common_name=message.certificate_common_name,
        security_profile=message.security_profile,
    )


def closed_connection(message: connectivity_pb.ClosedConnection) -> ClosedConnection:
    """A connection that ended."""
    return ClosedConnection(charge_point_id=message.charge_point_id, epoch=message.epoch, reason=message.reason)


def sighting(message: connectivity_pb.Sighting, clock: Clock) -> Sighting:
    """When something was last heard of a charge point."""
    return Sighting(
        charge_point_id=message.charge_point_id,
        epoch=message.epoch,
        last_seen_time=time_of(message, "last_seen_time") or clock.now(),
    )


def admission_to_proto(admission: Admission | DomainError) -> connectivity_pb.ConnectionAdmission:
    """Whether a charge point is let in."""
    if isinstance(admission, DomainError):
        return connectivity_pb.ConnectionAdmission(error=item_error(admission))
    return connectivity_pb.ConnectionAdmission(
        epoch=admission.epoch,
        state=state_to_proto(admission.charge_point.state),
        heartbeat_interval_seconds=admission.heartbeat_interval_seconds,
        station_id=admission.charge_point.station_id or "",
        protocol=admission.protocol,
        quirk_profile=profile_to_proto(profile_of(admission.charge_point)),
        tenant_id=admission.charge_point.tenant_id,
        cost_currency=admission.charge_point.cost_currency,
    )


def boot_answer_to_proto(answer: BootAnswer | DomainError) -> connectivity_pb.BootAnswer:
    """What a charge point is told at boot."""
    if isinstance(answer, DomainError):
        return connectivity_pb.BootAnswer(error=item_error(answer))
    return connectivity_pb.BootAnswer(
        state=state_to_proto(answer.state),
        interval_seconds=answer.interval_seconds,
        quirk_profile=profile_to_proto(answer.quirk_profile),
    )


def item_answer(error: DomainError | None) -> connectivity_pb.ItemAnswer:
    """The answer to an item that either worked or did not."""
    return connectivity_pb.ItemAnswer(error=item_error(error) if error else None)


def connection_to_proto(connection: Connection) -> charge_point_pb.Connection:
    """The resource as callers see it."""
    return charge_point_pb.Connection(
        charge_point_id=connection.charge_point_id,
        protocol=connection.protocol,
        connected_time=timestamp(connection.connected_time),
        last_seen_time=timestamp(connection.last_seen_time),
        node=connection.node,
        epoch=connection.epoch,
        remote_address=connection.remote_address,
        node_address=connection.node_address,
    )
