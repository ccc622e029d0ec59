"""The settings of the station service beside those that every service has."""

from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from services.process.settings import Port, ServiceSettings


def _web_url(url: str) -> str:
    """What the paths of files are put behind."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


def _port_range(text: str) -> str:
    """`50000-50099`; empty for any."""
    if text:
        first, separator, last = text.partition("-")
        if not (separator and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= 65_535):
            raise ValueError("must be two ports with a hyphen between them")
    return text


class StationSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # Whether charge points that nobody registered may connect and wait, as PENDING, for an operator.
    ocpp_allow_unknown: bool = False
    # How many of them may wait at a time; more are refused.
    ocpp_max_unknown: Annotated[int, Field(ge=1, le=100_000)] = 1000
    # How long it is kept who was refused, and a charge point that nobody registered or accepted.
    ocpp_refusal_retention_days: Annotated[int, Field(ge=1, le=365)] = 30
    # For how long is kept what charge points notify of themselves.
    device_events_retention_days: Annotated[int, Field(ge=1, le=3650)] = 400
    # For how long is kept what the values of their variables were before.
    device_variable_changes_retention_days: Annotated[int, Field(ge=1, le=3650)] = 400
    # Whether a charge point that has not told all of its variables since its firmware is what it is, is asked for them
    # after a boot; five a second, 20 at a time.
    ocpp_ask_inventory: bool = True
    # What the edge nodes renew their lease by: a new node has it from its first connection, and after a start of this
    # service no node is taken for dead before it had that time to report.
    ocpp_node_lease_seconds: Annotated[int, Field(ge=5, le=300)] = 30

    # Where charge points put and get files over HTTP; nowhere without it. Envoy stands before it.
    files_listen_port: Port | None = None
    # Where the bytes of files lie. All replicas of this service share it.
    files_folder: Path = Path(".csms/files")
    # What charge points are told: the entrance of charge points, as they reach it.
    files_public_url: Annotated[str, AfterValidator(_web_url)] = "http://localhost:4000"
    # How large an image of firmware may be, and a log.
    files_most_firmware_mib: Annotated[int, Field(ge=1, le=100_000)] = 1024
    files_most_log_mib: Annotated[int, Field(ge=1, le=100_000)] = 256
    # For how long the bytes of logs are kept.
    files_log_retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    # After how long without a word an update of firmware, or a request for a log, is given up.
    file_job_silence_hours: Annotated[float, Field(gt=0, le=720)] = 24.0
    # Where old charge points put and get files by FTP, in clear text; nowhere without it. Of one replica.
    ftp_listen_port: Port | None = None
    # The host or address that charge points are told; also the IPv4 address for their data when it is one.
    ftp_public_host: str = "localhost"
    # The ports that it offers for data, as 50000-50099; any when it is empty.
    ftp_data_ports: Annotated[str, AfterValidator(_port_range)] = ""

    @property
    def ftp_public_address(self) -> str | None:
        """What charge points are told where to connect for data, when it is not the address that they came to."""
        try:
            return str(IPv4Address(self.ftp_public_host))
        except ValueError:
            return None

    @property
    def ftp_data_port_range(self) -> range:
        """The ports for data; empty for any."""
        if not self.ftp_data_ports:
            return range(0)
        first, _, last = self.ftp_data_ports.partition("-")
        return range(int(first), int(last) + 1)
