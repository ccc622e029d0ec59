"""Files that the platform keeps for charge points and of them: firmware that they fetch, logs that they send. Pure.

A file is made before its bytes: whoever brings or fetches them has a *link*, a URL with a secret of its own that is
good for one file, in one direction, for a time. Only a hash of the secret is kept. An upload is good once; a download
may be repeated and resumed until its time is over, since charge points do both.
"""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.errors import DomainError, ErrorKind, already_exists, failed_precondition, not_found
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations

LONGEST_NAME = 200
# 256 bits, which nobody guesses; in FTP the halves of it are name and password.
_SECRET_BYTES = 32
_SHORTEST_LIFE, USUAL_LIFE, _LONGEST_LIFE = timedelta(minutes=1), timedelta(days=1), timedelta(days=30)


class FilePurpose(StrEnum):
    """What a file is for."""

    FIRMWARE = "FIRMWARE"
    LOG = "LOG"


class FileState(StrEnum):
    """Whether its bytes are there: not yet, now, no more; or not here at all."""

    AWAITED = "AWAITED"
    STORED = "STORED"
    GONE = "GONE"
    ELSEWHERE = "ELSEWHERE"


class Direction(StrEnum):
    """Which way a link goes, as its holder sees it."""

    UPLOAD = "UPLOAD"
    DOWNLOAD = "DOWNLOAD"


@dataclass(frozen=True, slots=True)
class Received:
    """What came of an upload: bytes, and their checksums in hexadecimal."""

    size_bytes: int
    sha256: str
    md5: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """What is said of an image. `version` is what a charge point calls its firmware once it has this; `location` where
    its bytes lie when that is not here, with their MD5 as `checksum`."""

    vendor: str = ""
    model: str = ""
    version: str = ""
    signing_certificate: str = ""
    signature: str = ""
    location: str = ""
    checksum: str = ""

    def check(self, violations: Violations) -> None:
        """Note what is out of bounds."""
        for name, longest in (("vendor", 200), ("model", 200), ("version", 50)):
            violations.text(f"firmware.{name}", getattr(self, name), longest=longest)
        violations.text("firmware.signingCertificate", self.signing_certificate, longest=5500)
        violations.text("firmware.signature", self.signature, longest=800)
        is_signed = bool(self.signature) == bool(self.signing_certificate)
        violations.check(is_signed, "firmware.signature", "goes with firmware.signingCertificate, and that with it")
        if self.location:
            check_location("firmware.location", self.location, violations)
        check_md5("firmware.checksum", self.checksum, violations)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What is known of a file. `charge_point_id` is whose log it is; `delete_time` when its bytes shall go."""

    id: str
    purpose: FilePurpose
    name: str
    charge_point_id: str = ""
    state: FileState = FileState.AWAITED
    size_bytes: int | None = None
    sha256: str = ""
    md5: str = ""
    create_time: datetime
    store_time: datetime | None = None
    delete_time: datetime | None = None
    firmware: Firmware | None = None
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLink:
    """A link, by the hash of its secret. `most_bytes` bounds an upload."""

    secret_hash: str
    file_id: str
    direction: Direction
    most_bytes: int
    create_time: datetime
    expire_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFilter:
    """Which files a list holds; an empty or None field does not narrow it."""

    purpose: FilePurpose | None = None
    state: FileState | None = None
    charge_point_id: str = ""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link with its secret, which is told once."""

    link: FileLink
    secret: str
    name: str


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


def new_secret() -> str:
    """The secret of a link, of characters that a URL needs no escape for."""
    return secrets.token_hex(_SECRET_BYTES)


def hash_of(secret: str) -> str:
    """What is kept of a secret: as long as it is random, no one finds it by its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def login_of(secret: str) -> tuple[str, str]:
    """A secret as name and password, for FTP."""
    half = len(secret) // 2
    return secret[:half], secret[half:]


def checked_name(field_name: str, name: str, violations: Violations) -> None:
    """A name is shown and offered to whoever downloads; it is no path."""
    violations.text(field_name, name, longest=LONGEST_NAME, shortest=1)
    violations.check(not set(name) & set('/\\"\r\n\t'), field_name, "must not contain slashes, quotes or line breaks")


def check_location(field_name: str, location: str, violations: Violations) -> None:
    """Where charge points are sent: OCPP knows no others, and has room for no more."""
    is_known = location.lower().startswith(("http://", "https://", "ftp://", "ftps://", "sftp://"))
    has_host = bool(location.partition("://")[2].strip("/"))
    wanted = "must begin with http, https, ftp, ftps or sftp and ://, then a host"
    violations.check(is_known and has_host, field_name, wanted)
    violations.text(field_name, location, longest=512)


def check_md5(field_name: str, checksum: str, violations: Violations) -> None:
    """An MD5 in hexadecimal, or none."""
    is_one = len(checksum) == 32 and set(checksum.lower()) <= set("0123456789abcdef")
    violations.check(not checksum or is_one, field_name, "must be 32 hexadecimal digits")


def check_life(field_name: str, life: timedelta, violations: Violations) -> None:
    """For how long a link may be good."""
    is_possible = _SHORTEST_LIFE <= life <= _LONGEST_LIFE
    violations.check(is_possible, field_name, "must be between 1 minute and 30 days")


def openable(link: FileLink | None, file: StoredFile | None, direction: Direction, now: datetime) -> StoredFile:
    """The file that a link opens in a direction, now.

    Raises: FILE_LINK_NOT_FOUND for a secret that nobody was given, or for the other direction; FILE_LINK_EXPIRED when
    its time, or that of its file, is over; FILE_EXISTS for an upload after the one that it was good for.
    """
    if link is None or file is None or link.direction is not direction:
        # Without the secret, which belongs into no log.
        raise DomainError(ErrorKind.NOT_FOUND, "FILE_LINK_NOT_FOUND", "there is no such link for this")
    if file.state is FileState.GONE or now >= link.expire_time:
        raise failed_precondition("FILE_LINK_EXPIRED", "the link was good until a time that is over", id=file.id)
    if direction is Direction.UPLOAD and file.state is FileState.STORED:
        raise already_exists("file", file.id)
    if file.state is FileState.ELSEWHERE or (direction is Direction.DOWNLOAD and file.state is FileState.AWAITED):
        raise not_stored(file)
    return file


def not_stored(file: StoredFile) -> DomainError:
    """The failure of whoever wants bytes that are not there."""
    why = {FileState.AWAITED: "have not come yet", FileState.ELSEWHERE: "lie elsewhere"}.get(
        file.state, "are no longer kept"
    )
    return failed_precondition("FILE_NOT_STORED", f"the bytes of file {file.id} {why}", id=file.id)


def too_large(most_bytes: int) -> DomainError:
    """The failure of an upload that is larger than its link allows."""
    message = f"the file is larger than {most_bytes} bytes"
    return DomainError(ErrorKind.RESOURCE_EXHAUSTED, "TOO_LARGE", message, {"mostBytes": str(most_bytes)})


def stored(file: StoredFile, received: Received, kept: timedelta | None, now: datetime) -> StoredFile:
    """`file` with its bytes, which are kept for that long. Raises: FILE_EXISTS when others were quicker."""
    if file.state is not FileState.AWAITED:
        raise already_exists("file", file.id) if file.state is FileState.STORED else not_found("file", file.id)
    return replace(
        file,
        state=FileState.STORED,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        md5=received.md5,
        store_time=now,
        delete_time=None if kept is None else now + kept,
    )


def _plain(name: str) -> str:
    """`name` in characters that no charge point stumbles over."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name)[-60:]
