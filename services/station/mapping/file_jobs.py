"""File jobs: what the transaction service asks for, and what callers see."""

from csms.station.v1 import file_job_pb2 as job_pb
from csms.station.v1 import file_job_service_pb2 as service_pb
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.kernel.ids import is_id
from services.rpc.protobuf import enum_of, time_of, timestamp
from services.station.application.file_jobs import Directions, Errand
from services.station.domain.file_job import FileJobFilter, FileJobKind, FileJobState, FileJobView
from services.station.mapping.files import file_to_proto


def file_job_filter(request: service_pb.ListFileJobsRequest) -> FileJobFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return FileJobFilter(
        charge_point_id=composed(request.charge_point_id),
        kind=enum_of(FileJobKind, job_pb.FileJob.Kind, request.kind),
        state=enum_of(FileJobState, job_pb.FileJob.State, request.state),
    )


def errand(request: service_pb.PrepareFileJobRequest) -> Errand:
    """What a command asks for. Raises: INVALID_FIELD."""
    kind = enum_of(FileJobKind, job_pb.FileJob.Kind, request.kind)
    if kind is None:
        raise invalid("kind", "must be said")
    if not is_id(request.command_id):
        raise invalid("commandId", "must be an id of the platform")
    return Errand(
        charge_point_id=request.charge_point_id,
        command_id=request.command_id,
        kind=kind,
        file_id=request.file_id,
        location=request.location,
        by_ftp=request.ftp,
        retrieve_time=time_of(request, "retrieve_time"),
    )


def directions_to_proto(directions: Directions) -> service_pb.PrepareFileJobResponse:
    """What the charge point is told."""
    return service_pb.PrepareFileJobResponse(
        location=directions.location,
        checksum=directions.checksum,
        signing_certificate=directions.signing_certificate,
        signature=directions.signature,
        retrieve_time=timestamp(directions.retrieve_time),
    )


def file_job_to_proto(view: FileJobView) -> job_pb.FileJob:
    """The resource as callers see it."""
    job = view.job
    return job_pb.FileJob(
        id=job.id,
        charge_point_id=job.charge_point_id,
        kind=job_pb.FileJob.Kind.Value(job.kind),
        state=job_pb.FileJob.State.Value(job.state),
        status=job.status,
        error=job.error,
        request_id=job.request_id,
        file=None if view.file is None else file_to_proto(view.file),
        location=job.location,
        version=job.version,
        previous_version=job.previous_version,
        create_time=timestamp(job.create_time),
        update_time=timestamp(job.update_time),
        end_time=timestamp(job.end_time),
        expire_time=timestamp(job.expire_time),
    )
