#!/usr/bin/env bash
# The Python ocpp library writes camelCase and hands out snake_case. For OCPP 2.1 the way back misses: limit_L2 becomes
# limitL2, receiptUrl becomes receiptURL, and the library then refuses its own message before sending it.
# Seen with ocpp 2.1.0: every name of the 1.6 and 2.0.1 schemas survives both ways, dozens of 2.1 do not.
# Why it matters: limits by phase, V2X set points and settlement receipts cannot be sent by a CSMS or a simulated
# charging station that is built on it, and what arrives carries names that no specification knows.
# The guess was: what the shipped schemas name can be sent.
# Exits 0 when that is so, 1 when the names survive, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import pathlib
import sys

import ocpp
from ocpp.charge_point import camel_to_snake_case, snake_to_camel_case
from ocpp.v21 import ChargePoint, call


def names(node):
    if isinstance(node, dict):
        yield from node.get("properties", {}) if isinstance(node.get("properties"), dict) else ()
        for value in node.values():
            yield from names(value)


lost = {}
for version in ("v16", "v201", "v21"):
    schemas = (pathlib.Path(ocpp.__file__).parent / version / "schemas").glob("*.json")
    all_names = {name for file in schemas for name in names(json.loads(file.read_text("utf-8-sig")))}
    lost[version] = sorted(n for n in all_names if snake_to_camel_case(camel_to_snake_case({n: 0})) != {n: 0})
    print(version, "names:", len(all_names), "lost:", len(lost[version]), lost[version][:6])


class Wire:
    async def send(self, text):
        print("sent:", text)


period = {"startPeriod": 0, "limit": 16.0, "limit_L2": 10.0, "limit_L3": 6.0}
profile = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [{"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}],
}
request = call.SetChargingProfile(evse_id=1, charging_profile=profile)
refused = False
try:
    asyncio.run(asyncio.wait_for(ChargePoint("CP1", Wire()).call(request), 2))
except Exception as error:
    refused = "limitL2" in str(error)
    print(type(error).__name__, str(getattr(error, "details", {}).get("cause", error)))
sys.exit(0 if refused and lost["v21"] and not lost["v16"] and not lost["v201"] else 1)
PYTHON
