"""One Envoy for all these tests, on the product's configuration, and a meagre one for those that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import keys
from stack.keys import Keys
from tests.contract.envoy import launch, upstreams
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.upstreams import Upstreams


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def signing_keys(key_folder: Path) -> Keys:
    return keys.ensure(key_folder)


@pytest.fixture(scope="session")
def admin_token(key_folder: Path, signing_keys: Keys) -> str:
    return keys.mint(key_folder, role="admin", driver_id=None, ttl_seconds=3600)


@pytest.fixture(scope="session")
def behind() -> Iterator[Upstreams]:
    """The processes behind Envoy."""
    with upstreams.running() as running:
        yield running


@pytest.fixture(scope="session")
def facade(
    behind: Upstreams, signing_keys: Keys, admin_token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Facade]:
    """Envoy before all processes, for pages of https://console.example, without a limit that tests could meet."""
    settings = {"RATE_LIMIT_PER_SECOND": "100000", "CORS_ORIGINS_REGEX": r"https://console\.example(:[0-9]+)?"}
    with launch.running(tmp_path_factory.mktemp("envoy"), signing_keys, behind, **settings) as ports:
        yield Facade(ports, admin_token)


@pytest.fixture(scope="session")
def meagre_facade(signing_keys: Keys, admin_token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """Before nobody, and it takes three requests a second from an address: tests use addresses of their own."""
    folder = tmp_path_factory.mktemp("envoy")
    with launch.running(folder, signing_keys, None, RATE_LIMIT_PER_SECOND="3") as ports:
        yield Facade(ports, admin_token)
