"""One cluster for all tests of this directory, and their figures at the end of the run."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import postgres
from tests.e2e.cluster.cluster import LEASE_SECONDS, REPLICAS, Cluster
from tests.fixtures.system import running_system

_SETTINGS = {
    "CSMS_REPLICAS": str(REPLICAS),
    "OCPP_NODE_LEASE_SECONDS": str(LEASE_SECONDS),
    # As where callers stay when a process stops.
    "DRAIN_SECONDS": "2",
}
_figures: list[str] = []

Note = Callable[[str], None]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="csms-cluster-"))
    try:
        with running_system(folder, "--no-demo", "--restart", settings=_SETTINGS) as system:
            yield Cluster(system)
    finally:
        postgres.remove(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _everybody_is_trusted(cluster: Cluster) -> None:
    """Envoy gives work to all replicas, whatever the test before has done to them."""
    cluster.until_all_are_trusted()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Takes down a figure of the test."""

    def take_down(figure: str) -> None:
        _figures.append(f"{request.node.name}: {figure}")

    return take_down


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("cluster figures")
        for figure in _figures:
            terminalreporter.write_line(figure)
