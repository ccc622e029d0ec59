"""Files and links to them: what callers ask, and what they see."""

from dataclasses import dataclass

from csms.station.v1 import file_service_pb2 as service_pb
from csms.station.v1 import stored_file_pb2 as file_pb
from services.kernel.identity import composed
from services.rpc.protobuf import enum_of, timestamp
from services.station.application.files import NewLink
from services.station.domain.stored_file import (
    Direction,
    FileFilter,
    FilePurpose,
    FileState,
    StoredFile,
    login_of,
)


@dataclass(frozen=True, slots=True)
class FileAddresses:
    """Where links lead: the URL that paths are put behind, and host and port of FTP, empty without."""

    url: str
    ftp: str = ""

    def url_of(self, made: NewLink) -> str:
        """The URL of a link. The name is for those who name what they get by it."""
        return f"{self.url}/file-links/{made.secret}/{_plain(made.name)}"

    def ftp_url_of(self, made: NewLink) -> str:
        """The same by FTP; an upload goes into a folder, a download names the file."""
        if not self.ftp:
            return ""
        name, password = login_of(made.secret)
        path = _plain(made.name) if made.link.direction is Direction.DOWNLOAD else ""
        return f"ftp://{name}:{password}@{self.ftp}/{path}"


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
    )


def link_to_proto(made: NewLink, addresses: FileAddresses) -> file_pb.FileLink:
    """The link with its secret."""
    return file_pb.FileLink(
        url=addresses.url_of(made),
        ftp_url=addresses.ftp_url_of(made),
        direction=file_pb.FileLink.Direction.Value(made.link.direction),
        expire_time=timestamp(made.link.expire_time),
        most_bytes=made.link.most_bytes,
    )


def _plain(name: str) -> str:
    """`name` in characters that no charge point stumbles over."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name)[-60:]
