"""Files and links to them: what callers ask, and what they see."""

from csms.station.v1 import file_service_pb2 as service_pb
from csms.station.v1 import stored_file_pb2 as file_pb
from services.kernel.identity import composed
from services.kernel.redaction import redacted_text
from services.rpc.protobuf import enum_of, timestamp
from services.station.domain.stored_file import (
    Direction,
    FileAddresses,
    FileFilter,
    FilePurpose,
    FileState,
    Firmware,
    NewLink,
    StoredFile,
)

_FIRMWARE_FIELDS = tuple(Firmware.__slots__)


def file_filter(request: service_pb.ListFilesRequest) -> FileFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return FileFilter(
        purpose=enum_of(FilePurpose, file_pb.StoredFile.Purpose, request.purpose),
        state=enum_of(FileState, file_pb.StoredFile.State, request.state),
        charge_point_id=composed(request.charge_point_id),
    )


def direction_of(number: file_pb.FileLink.Direction.ValueType) -> Direction:
    """Raises: INVALID_FIELD."""
    return enum_of(Direction, file_pb.FileLink.Direction, number) or Direction.DOWNLOAD


def file_to_proto(file: StoredFile) -> file_pb.StoredFile:
    """The resource as callers see it."""
    return file_pb.StoredFile(
        id=file.id,
        purpose=file_pb.StoredFile.Purpose.Value(file.purpose),
        name=file.name,
        charge_point_id=file.charge_point_id,
        state=file_pb.StoredFile.State.Value(file.state),
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        md5=file.md5,
        create_time=timestamp(file.create_time),
        store_time=timestamp(file.store_time),
        delete_time=timestamp(file.delete_time),
        firmware=None if file.firmware is None else _firmware_to_proto(file.firmware),
    )


def firmware_of(request: service_pb.CreateFileRequest) -> Firmware | None:
    """What a request says of an image; None when it says nothing."""
    if not request.HasField("firmware"):
        return None
    return Firmware(**{name: getattr(request.firmware, name) for name in _FIRMWARE_FIELDS})


def link_to_proto(made: NewLink, addresses: FileAddresses) -> file_pb.FileLink:
    """The link with its secret."""
    return file_pb.FileLink(
        url=addresses.url_of(made),
        ftp_url=addresses.ftp_url_of(made),
        direction=file_pb.FileLink.Direction.Value(made.link.direction),
        expire_time=timestamp(made.link.expire_time),
        most_bytes=made.link.most_bytes,
    )


def _firmware_to_proto(firmware: Firmware) -> file_pb.Firmware:
    shown = {name: getattr(firmware, name) for name in _FIRMWARE_FIELDS}
    return file_pb.Firmware(**{**shown, "location": redacted_text(firmware.location)})
