#!/usr/bin/env bash
# In the Python ocpp library the messages of OCPP 2.0.1 take their fields in the order of the specification, those of 2.1
# in the order of the alphabet. Where both fields are of one type nobody objects: UnlockConnector(2, 1) is EVSE 2,
# connector 1 by 2.0.1 and EVSE 1, connector 2 by 2.1.
# Seen with ocpp 2.1.0: 20 messages of both versions have their required fields in another order.
# Why it matters: code that changes `from ocpp.v201 import call` to `ocpp.v21` sends other things than it says, and the
# library, which checks every payload against its schema, lets those pass that swap fields of one type.
# The guess was: what the versions share is called the same way.
# Exits 0 when the order differs, 1 when it is the same, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import sys
from dataclasses import MISSING, fields, is_dataclass

import ocpp.v21
import ocpp.v201


class Wire:
    def __init__(self):
        self.sent = []

    async def send(self, text):
        self.sent.append(json.loads(text)[2:])


def required(message):
    return [one.name for one in fields(message) if one.default is MISSING]


async def sent(version, request):
    wire = Wire()
    try:
        await asyncio.wait_for(version.ChargePoint("CP1", wire).call(request), 0.2)
    except asyncio.TimeoutError:
        return wire.sent[0]


moved = []
for name, message in vars(ocpp.v201.call).items():
    other = getattr(ocpp.v21.call, name, None)
    if is_dataclass(message) and other is not None and required(message) != required(other):
        moved.append(name)
        print(f"{name}: 2.0.1 {required(message)}, 2.1 {required(other)}")
print(len(moved), "messages")
unlocked = [asyncio.run(sent(version, version.call.UnlockConnector(2, 1))) for version in (ocpp.v201, ocpp.v21)]
event = ("StartupOfTheDevice", "2026-01-01T00:00:00Z")
told = [asyncio.run(sent(version, version.call.SecurityEventNotification(*event))) for version in (ocpp.v201, ocpp.v21)]
for frame in (*unlocked, *told):
    print("sent:", json.dumps(frame))
right, wrong = {"evseId": 2, "connectorId": 1}, {"evseId": 1, "connectorId": 2}
sys.exit(0 if [frame[1] for frame in unlocked] == [right, wrong] and told[1][1]["type"] == event[1] else 1)
PYTHON
