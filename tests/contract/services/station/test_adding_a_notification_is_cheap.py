"""A notification is added by new files and three lines in files that are there: tried with one that OCPP does not have,
in a copy of the edge, up to where an operator finds it."""

import difflib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent

ROOT = Path(__file__).resolve().parents[4]
MOST_SHARED_LINES = 3
# What somebody writes who adds it.
MAPPING = '''"""NotifyCoffee (of no OCPP): how much of it a station has left."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, moment_at, recording
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "coffee",
        payload,
        context,
        moment_at(payload, "timestamp", context),
        subject=payload.get("blend", ""),
        status=payload.get("level", ""),
    )


EFFECT = Effect(rows=("device_events.status",))
handle = recording(to_event)
'''
# What stands in the schemas of OCPP: found by the name of the action.
REQUEST = {
    "$schema": "http://json-schema.org/draft-06/schema#",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "level": {"type": "string", "enum": ["Full", "Empty"]},
        "blend": {"type": "string", "maxLength": 50},
        "timestamp": {"type": "string", "format": "date-time"},
    },
    "required": ["level", "timestamp"],
}
RESPONSE = {"$schema": "http://json-schema.org/draft-06/schema#", "type": "object", "additionalProperties": False}
# The new line before the one that is there.
SHARED = {
    "ocpp_edge/v2/routes.py": [
        ("    notify_coffee,\n", "    notify_customer_information,\n"),
        ('    "NotifyCoffee": notify_coffee.handle,\n', '    "NotifyCustomerInformation": '),
    ],
    "ocpp_edge/leniency/rules.py": [('        "NotifyCoffee",\n', '        "NotifyCustomerInformation",\n')],
}
# One that is sound, one in words of its own and one that is broken: each is kept and acknowledged.
NOTIFY = """
import asyncio, sys
import ocpp_edge
from ocpp_edge.effects import effect_of
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.platform import Platform, context

async def notify():
    platform, table = Platform(), SERVED[Version.V201].routes()
    for payload in (
        {"level": "Full", "blend": "Arabica", "timestamp": "2026-03-01T11:59:30Z"},
        {"level": "HalfFull", "timestamp": "2026-03-01T11:59:40Z"},
        {"blend": "Robusta", "sugar": {"x": 1}},
    ):
        assert await table.dispatch("NotifyCoffee", payload, context(Version.V201), platform) == {}
    assert effect_of(table.handlers["NotifyCoffee"]).rows == ("device_events.status",)
    assert ocpp_edge.__file__.startswith(sys.argv[1])
    print(*(event.SerializeToString().hex() for event in platform.device_events))

asyncio.run(notify())
"""


def copied(folder: Path) -> Path:
    """The edge and the schemas of OCPP, to be changed at will."""
    shutil.copytree(ROOT / "ocpp_edge", folder / "ocpp_edge", ignore=shutil.ignore_patterns("__pycache__"))
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.submodule_search_locations
    [installed] = spec.submodule_search_locations
    for version in ("v16", "v201", "v21"):
        shutil.copytree(Path(installed) / version / "schemas", folder / "ocpp" / version / "schemas")
    (folder / "ocpp" / "__init__.py").touch()
    return folder


def add_coffee(folder: Path) -> None:
    (folder / "ocpp_edge" / "v2" / "notify_coffee.py").write_text(MAPPING)
    schemas = folder / "ocpp" / "v201" / "schemas"
    (schemas / "NotifyCoffeeRequest.json").write_text(json.dumps(REQUEST))
    (schemas / "NotifyCoffeeResponse.json").write_text(json.dumps(RESPONSE))
    for name, lines in SHARED.items():
        text = (folder / name).read_text()
        for line, before in lines:
            assert before in text, f"{name} has changed: put the line for NotifyCoffee where it belongs now"
            text = text.replace(before, line + before, 1)
        (folder / name).write_text(text)


def shared_lines(folder: Path) -> int:
    """How many lines of files that were there have changed."""
    changed = 0
    for file in (ROOT / "ocpp_edge").rglob("*.py"):
        old = file.read_text().splitlines()
        new = (folder / file.relative_to(ROOT)).read_text().splitlines()
        changed += sum(line[:2] in ("+ ", "- ") for line in difflib.ndiff(old, new)) if old != new else 0
    return changed


def notified(folder: Path) -> list[DeviceEvent]:
    """What the changed edge makes of it."""
    path = os.pathsep.join((str(folder), str(ROOT), str(ROOT / "proto")))
    done = subprocess.run(
        [sys.executable, "-c", NOTIFY, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [DeviceEvent.FromString(bytes.fromhex(text)) for text in done.stdout.split()]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_notification_is_routed_stored_and_found_for_three_lines(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str, tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    add_coffee(folder)
    assert shared_lines(folder) <= MOST_SHARED_LINES
    events = notified(folder)
    assert [(event.kind, event.subject, event.status) for event in events] == [
        ("coffee", "Arabica", "Full"),
        ("coffee", "", "HalfFull"),
        ("coffee", "Robusta", ""),
    ]
    for event in events:
        event.charge_point_id = name
    answer = await edge.RecordDeviceEvents(pb.RecordDeviceEventsRequest(events=events))
    assert [item.error.reason for item in answer.answers] == [0, 0, 0]
    request = point_pb.ListDeviceEventsRequest(charge_point_id=name, kind="coffee", text="arabica")
    [found] = (await points.ListDeviceEvents(request)).events
    assert (found.action, found.status, found.severity) == ("NotifyCoffee", "Full", DeviceEvent.INFO)
    request = point_pb.ListDeviceEventsRequest(charge_point_id=name, kind="coffee")
    assert len((await points.ListDeviceEvents(request)).events) == 3


@pytest.mark.parametrize(("action", "version"), [("SecurityEventNotification", "v16"), ("NotifyReport", "v2")])
def test_one_that_is_there_has_cost_no_more(action: str, version: str) -> None:
    module = re.sub(r"(?<!^)([A-Z])", r"_\1", action).lower()
    word = re.compile(rf"\b({action}|{module})\b")
    shared = [ROOT / "ocpp_edge" / version / "routes.py", *(ROOT / "ocpp_edge" / "leniency").glob("*.py")]
    lines = [line for file in shared for line in file.read_text().splitlines() if word.search(line)]
    assert len(lines) <= MOST_SHARED_LINES, lines
