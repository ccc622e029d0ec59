"""How a station behaves with firmware and logs."""

from dataclasses import dataclass, field
from enum import StrEnum


class FirmwareFault(StrEnum):
    """What goes wrong with firmware; nothing without one."""

    NONE = ""
    # It cannot be fetched, or installed, and the station says so.
    DOWNLOAD_FAILED = "DownloadFailed"
    INSTALLATION_FAILED = "InstallationFailed"
    # It is installed, and then the station says a connector is faulted; or boots with what it had; or is not heard of.
    FAULTED = "Faulted"
    OLD_VERSION = "OldVersion"
    SILENT = "Silent"


def firmware_faults(text: str) -> list[FirmwareFault]:
    """An option that is a list of faults with commas between them; `none` is one. Raises ValueError."""
    return [FirmwareFault("" if word == "none" else word) for word in text.split(",")]


@dataclass
class FileConduct:
    """How a station behaves with files; `steps_seconds` is how long each step takes."""

    fault: FirmwareFault = FirmwareFault.NONE
    steps_seconds: float = 0.05
    log: bytes = b"2027-01-15T08:00:00Z booted\n" * 100
    published: dict[str, str] = field(default_factory=dict)
