"""What a service process reads from its environment (and from `.env` in development), checked before anything starts.

The only reader of the environment: everything else is handed its settings. Knows no service by its work.
"""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, FilePath, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

_Settings = TypeVar("_Settings", bound=BaseSettings)


def addresses_of(urls: str) -> str:
    """`host:port` of a gRPC address, or of several with commas between them: IP addresses of one service's replicas."""
    return ",".join(address_of(url.strip()) for url in urls.split(","))


def address_of(url: str) -> str:
    """`host:port` of a gRPC address given as `host:port` or `http://host:port`.

    Raises ValueError when it has no host or port, or more than these.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "http" or not parts.hostname or not port or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be host:port or http://host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}"


def _postgresql_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not parts.hostname:
        raise ValueError("must be postgresql://user:password@host:port/database")
    return url


def _otlp_url(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.path not in ("", "/"):
        raise ValueError("must be http://host:port or https://host:port")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be nothing but http://host:port or https://host:port")
    return url


Address = Annotated[str, AfterValidator(addresses_of)]
Port = Annotated[int, Field(ge=0, le=65535)]


class ServiceSettings(BaseSettings):
    """The settings every service knows; each field is the environment variable of its name in capitals.

    A service with a default port or a setting of its own derives from this class.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        defer_build=True,  # A process reads one class of settings: those that it derives from need no validators.
    )

    # Where its gRPC is served.
    listen_host: str = "127.0.0.1"
    # Zero takes a free port.
    listen_port: Port
    # DEBUG, INFO, WARNING or ERROR.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    # Lines of JSON, or text for people.
    log_format: Literal["json", "text"] = "json"

    # The PostgreSQL server; each service has a database of its own on it. The edge asks none.
    database_url: Annotated[str, AfterValidator(_postgresql_url)] = "postgresql://postgres@127.0.0.1:15432/postgres"
    # The NATS server, with JetStream.
    nats_url: str = "nats://127.0.0.1:14222"

    # Where the others are: host:port, several with commas between them.
    station_service_url: Address = "127.0.0.1:13001"
    driver_service_url: Address = "127.0.0.1:13002"
    billing_service_url: Address = "127.0.0.1:13003"
    monitoring_service_url: Address = "127.0.0.1:13004"
    transaction_service_url: Address = "127.0.0.1:14001"
    edge_service_url: Address = "127.0.0.1:14000"

    # The public keys of access tokens.
    jwt_jwks_file: FilePath
    # Held by the service that signs tokens only.
    jwt_private_key_file: FilePath | None = None
    # By what this service shows the others who it is, and by what they are known.
    service_private_key_file: FilePath
    service_jwks_file: FilePath

    # Seconds between two heartbeats, as charge points are told at their boot.
    ocpp_heartbeat_interval: Annotated[int, Field(ge=1, le=86_400)] = 60

    # Where GET /metrics is answered, for the inside of a cluster only. Zero takes a free port, none answers nowhere.
    metrics_listen_host: str = "127.0.0.1"
    metrics_port: Port | None = None

    # Where the traces of all processes are sent, by OTLP over gRPC; none are made without it.
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_otlp_url)] | None = None
    # What is spoken there; the other protocols of OTLP are not.
    otel_exporter_otlp_protocol: Literal["grpc"] = "grpc"
    # Which traces are made of those that no caller has decided about: all, or a share.
    otel_traces_sampler: Literal["parentbased_always_on", "parentbased_traceidratio"] = "parentbased_always_on"
    # That share, from 0 to 1.
    otel_traces_sampler_arg: Annotated[float, Field(ge=0, le=1)] = 1.0

    # How long a stopping server is NOT_SERVING before it closes its port: callers must have time to notice.
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
    # How long calls under way may take to finish after that.
    grace_seconds: Annotated[float, Field(ge=0, le=300)] = 10.0

    @property
    def traced_share(self) -> float:
        """Of how many of the traces that begin here spans are made, from 0 to 1."""
        return self.otel_traces_sampler_arg if self.otel_traces_sampler == "parentbased_traceidratio" else 1.0


def load(cls: type[_Settings], own: Mapping[str, str] | None = None) -> _Settings:
    """Read `cls` from the environment; a bad or missing variable ends the process with status 2 and one line.

    `own` are variables of this service alone, which count before those of the process.
    """
    try:
        given: dict[str, Any] = {name.lower(): value for name, value in (own or {}).items() if value}
        return cls(**given)
    except ValidationError as error:
        _refuse("; ".join(f"{_variable(item['loc'])}: {_reason(item['msg'])}" for item in error.errors()))
    except SettingsError as error:
        _refuse(str(error))


def database_url(settings: ServiceSettings, database: str) -> str:
    """The SQLAlchemy URL of `database` on the server that DATABASE_URL names."""
    parts = urlsplit(settings.database_url)
    return urlunsplit(("postgresql+psycopg", parts.netloc, f"/{quote(database)}", parts.query, ""))


def _variable(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper() if location else os.path.basename(sys.argv[0])


def _reason(message: str) -> str:
    if message == "Field required":
        return "is not set"
    return message.removeprefix("Value error, ")


def _refuse(complaint: str) -> NoReturn:
    print(f"cannot start: bad settings: {complaint}", file=sys.stderr)
    raise SystemExit(2)
