"""One Envoy for all these tests, on the configuration of the product; another, short of everything, for those that say so."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from stack import config, envoy, keys
from stack.keys import Keys
from stack.ports import LOOPBACK
from stack.topology import PORTS, Ports
from tests.contract.envoy import upstreams
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.upstreams import Upstreams

_CORS_ORIGINS = r"https://console\.example(:[0-9]+)?"


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def signing_keys(key_folder: Path) -> Keys:
    return keys.ensure(key_folder)


@pytest.fixture(scope="session")
def token(key_folder: Path, signing_keys: Keys) -> str:
    return keys.mint(key_folder, role="admin", driver_id=None, ttl_seconds=3600)


@pytest.fixture(scope="session")
def behind() -> Iterator[Upstreams]:
    """The processes behind Envoy."""
    with upstreams.running() as running:
        yield running


@pytest.fixture(scope="session")
def facade(
    behind: Upstreams, signing_keys: Keys, token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Facade]:
    processes = {f"{name} process": port for name, port in behind.ports.items()}
    with _free_ports() as free:
        numbers = {**free, **processes, "edge websocket": behind.websocket_port}
    folder = tmp_path_factory.mktemp("envoy")
    with _envoy(folder, numbers, signing_keys, {"RATE_LIMIT_PER_SECOND": "100000"}):
        yield Facade(numbers, token)


@pytest.fixture(scope="session")
def meagre_facade(signing_keys: Keys, token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """Behind it is nobody, and it takes three requests a second from an address: each test has its own."""
    with _free_ports() as numbers:
        pass
    with _envoy(tmp_path_factory.mktemp("meagre"), numbers, signing_keys, {"RATE_LIMIT_PER_SECOND": "3"}):
        yield Facade(numbers, token)


@contextmanager
def _envoy(folder: Path, numbers: Mapping[str, int], signing_keys: Keys, extra: Mapping[str, str]) -> Iterator[None]:
    values = config.embedded_values(Ports(numbers), signing_keys, LOOPBACK)
    configuration = folder / "envoy.yaml"
    config.render({**values, "CORS_ORIGINS_REGEX": _CORS_ORIGINS, **extra}, configuration)
    child = envoy.start(configuration, admin_port=numbers["envoy admin"], log=folder / "envoy.log")
    try:
        yield
    finally:
        child.stop()


@contextmanager
def _free_ports() -> Iterator[dict[str, int]]:
    """A free port for every name, all different; somebody listens on none of them after the block."""
    with ExitStack() as held:
        ports = {}
        for name in PORTS:
            probe = held.enter_context(socket.socket())
            probe.bind((LOOPBACK, 0))
            ports[name] = probe.getsockname()[1]
        yield ports
