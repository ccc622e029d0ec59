"""What can be set about the stack, from the environment or `.env`: ports, state directory, replicas, outside engines.

Only reads and checks; opens nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from stack.errors import StackError
from stack.topology import PORTS, PUBLIC_PORTS, SHARING, Ports, Sharing

Detour = Literal["postgres", "nats", "station", "driver", "billing", "monitoring", "transaction"]
_PortNumber = Annotated[int, Field(ge=1, le=65535)]


class StackSettings(BaseSettings):
    """The settings of one stack. A field's alias is the name of its environment variable."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    # The highest default port plus this must stay below 65536.
    port_offset: int = Field(0, alias="CSMS_PORT_OFFSET", ge=0, le=50_000)
    state_dir: Path = Field(Path(".csms"), alias="CSMS_STATE_DIR")
    replicas: int = Field(1, alias="CSMS_REPLICAS", ge=1, le=10)
    # Who shares a process: all services and the edge (`one`), those that charge points wait for and those that follow
    # them (`two`), or nobody (`each`). With several replicas nobody does.
    processes: Sharing = Field("two", alias="CSMS_PROCESSES")
    public_host: str = Field("127.0.0.1", alias="CSMS_PUBLIC_HOST")
    database_url: str | None = Field(None, alias="DATABASE_URL", min_length=1)
    nats_url: str | None = Field(None, alias="NATS_URL", min_length=1)
    # Where the processes are told to call instead, as JSON: {"postgres": 25432}. A proxy that misbehaves stands there;
    # those of a service's replicas as far apart as the replicas.
    detours: dict[Detour, _PortNumber] = Field(default_factory=dict, alias="CSMS_DETOURS")

    gateway_port: _PortNumber | None = Field(None, alias="GATEWAY_PORT")
    station_port: _PortNumber | None = Field(None, alias="STATION_PORT")
    driver_port: _PortNumber | None = Field(None, alias="DRIVER_PORT")
    billing_port: _PortNumber | None = Field(None, alias="BILLING_PORT")
    monitoring_port: _PortNumber | None = Field(None, alias="MONITORING_PORT")
    transaction_port: _PortNumber | None = Field(None, alias="TRANSACTION_PORT")
    ocpp_websocket_port: _PortNumber | None = Field(None, alias="OCPP_WEBSOCKET_PORT")

    def sharing(self) -> Sequence[tuple[str, ...]]:
        """The names of services and of the edge, those that share a process together."""
        return SHARING["each" if self.replicas > 1 else self.processes]

    def ports(self) -> Ports:
        """Every port of the stack: the defaults moved by the offset, single ones as set."""
        numbers = {name: number + self.port_offset for name, number in PORTS.items()}
        for name, variable in PUBLIC_PORTS.items():
            chosen = getattr(self, variable.lower())
            if chosen is not None:
                numbers[name] = chosen
        return Ports(numbers, self.replicas)


def load() -> StackSettings:
    """The settings of this process. Raises StackError that names the bad variable and what is wrong with it."""
    try:
        return StackSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise StackError(f"{name}: {first['msg']} (it is {first['input']!r})") from error
    except SettingsError as error:
        raise StackError(f"{error}: it is no JSON") from error
