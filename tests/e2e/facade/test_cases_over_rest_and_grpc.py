"""The same cases over REST and over native gRPC, on the gateway's port and on the service's own."""

import secrets
from pathlib import Path

import pytest

from tests.fixtures.cases import read_cases, run_over_grpc, run_over_rest
from tests.fixtures.processes import process_of
from tests.fixtures.system import System

_FILES = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_the_cases_hold_over_rest(system: System, path: Path) -> None:
    known = {"tag": f"r{secrets.token_hex(4)}"}
    for case in read_cases(path):
        run_over_rest(system, case, known)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_the_cases_hold_over_native_grpc(system: System, path: Path) -> None:
    known = {"tag": f"g{secrets.token_hex(4)}"}
    for case in read_cases(path):
        run_over_grpc(system, case, known)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_the_cases_hold_on_the_services_own_ports(system: System, path: Path) -> None:
    known = {"tag": f"o{secrets.token_hex(4)}"}
    for case in read_cases(path):
        run_over_grpc(system, case, known, port=process_of(case.rpc))
