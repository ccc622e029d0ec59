"""A new command is new files and at most three lines of others: shown on a copy, with one that nobody has yet."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from stack import protos

_CHECKOUT = Path(__file__).parents[3]
_ROOMS = ("proto", "services", "ocpp_edge", "stack")
_CONTRACT = "proto/csms/transaction/v1/command.proto"
_MOST_SHARED_LINES = 3

_MESSAGE = """syntax = "proto3";

package csms.transaction.v1;

// Asks which list of tokens a charge point has.
message AskListVersion {
  // Why.
  string note = 1;
}
"""

_WORDS = '''"""GetLocalListVersion."""

from csms.transaction.v1.ask_list_version_pb2 import AskListVersion
from ocpp_edge.commands.dialect import Asked, Dialect, no_status
from ocpp_edge.effects import in_ledger


def ask(_body: AskListVersion, _command_id: str) -> Asked:
    return "GetLocalListVersion", {}


COMMAND = Dialect(ask, no_status, effects={"GetLocalListVersion": in_ledger()})
'''

_KIND = '''"""Asks which list of tokens a charge point has."""

from services.kernel.validation import Violations
from services.transaction.domain.command import CommandPriority
from services.transaction.domain.command_kind import Body, CommandKind


def check(body: Body, violations: Violations) -> None:
    violations.text("note", body.get("note", ""), longest=5)


KIND = CommandKind(priority=CommandPriority.BACKGROUND, check=check)
'''

_NEW_FILES: Mapping[str, str] = {
    "proto/csms/transaction/v1/ask_list_version.proto": _MESSAGE,
    "ocpp_edge/v16/commands/ask_list_version.py": _WORDS,
    "ocpp_edge/v2/commands/ask_list_version.py": _WORDS,
    "services/transaction/domain/commands/ask_list_version.py": _KIND,
}

# What is added behind which line of the contract.
_LINES: Mapping[str, str] = {
    'import "csms/station/v1/connector.proto";\n': 'import "csms/transaction/v1/ask_list_version.proto";\n',
    "  oneof body {\n": "    // See `AskListVersion`.\n    AskListVersion ask_list_version = 999;\n",
}

# From the request of a caller to the call to a charge point and back with its answer, by the code of the copy.
_DRIVE = """
import asyncio
from types import SimpleNamespace

from google.protobuf import json_format

from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1.command_pb2 import CommandBody
from ocpp_edge.commands.delivery import deliver
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.calls import Priority, Result
from ocpp_edge.rpc.outbound import check_call
from ocpp_edge.rpc.schemas import load
from ocpp_edge.served import SERVED
from services.kernel.clock import SystemClock
from services.kernel.errors import DomainError
from services.transaction.domain.command import CommandOptions
from services.transaction.domain.commands import KINDS, check
from services.transaction.mapping.commands import body_of, body_to_proto, kind_of


def requested(note):
    asked = {"chargePointId": "CP1", "command": {"askListVersion": {"note": note}}}
    request = json_format.ParseDict(asked, service_pb.CreateCommandRequest())
    kind = kind_of(request.command)
    body = body_of(kind, getattr(request.command, kind))
    check(kind, body, CommandOptions())
    return kind, body


async def answered(version, wire):
    async def call(action, payload, **_limits):
        check_call(load(version), action, payload)
        return Result({"listVersion": 7} if version == "ocpp1.6" else {"versionNumber": 7})

    context = ChargerContext("CP1", version, 1)
    connection = SimpleNamespace(context=context, backend=SimpleNamespace(clock=SystemClock()), call=call)
    return await deliver(connection, "c1", CommandBody.FromString(wire), 5, Priority.NORMAL)


kind, body = requested("why")
for version in SERVED:
    response = asyncio.run(answered(version, body_to_proto(kind, body).SerializeToString()))
    assert response.accepted, version
    [number] = response.answer.values()
    assert number == 7, response
    assert SERVED[version].dialect[kind].effects["GetLocalListVersion"].rows, version
try:
    requested("for no reason")
except DomainError as error:
    assert error.violations[0].field == "note"
else:
    raise AssertionError("bounds are not kept")
print("driven:", kind, KINDS[kind].priority.name)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product without what is generated."""
    for room in _ROOMS:
        shutil.copytree(_CHECKOUT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "*_pb2*"))
    return tmp_path


def _add_lines(copy: Path) -> int:
    """Name the command in the contract; returns how many lines of files that are there have changed."""
    contract = copy / _CONTRACT
    before = contract.read_text(encoding="utf-8")
    after = before
    for line, added in _LINES.items():
        assert line in before
        after = after.replace(line, line + added, 1)
    contract.write_text(after, encoding="utf-8")
    return len(after.splitlines()) - len(before.splitlines())


def _run(copy: Path, code: str) -> "subprocess.CompletedProcess[str]":
    protos.generate(copy / "proto")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(copy), str(copy / "proto")))}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


def test_a_command_is_new_files_and_three_lines(copy: Path) -> None:
    for name, content in _NEW_FILES.items():
        assert not (copy / name).exists()
        (copy / name).write_text(content, encoding="utf-8")
    assert _add_lines(copy) <= _MOST_SHARED_LINES
    driven = _run(copy, _DRIVE)
    assert driven.stdout == "driven: ask_list_version BACKGROUND\n", driven.stderr


def test_a_file_that_the_contract_does_not_know_stops_the_process(copy: Path) -> None:
    (copy / "ocpp_edge/v16/commands/ask_list_version.py").write_text("COMMAND = None\n", encoding="utf-8")
    started = _run(copy, "import ocpp_edge.served")
    assert "ocpp_edge.v16.commands.ask_list_version: no such field in CommandBody" in started.stderr
