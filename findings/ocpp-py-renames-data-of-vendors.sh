#!/usr/bin/env bash
# The data of a DataTransfer are the vendor's own. The Python ocpp library renames their keys like those of OCPP: a
# handler sees Zone_A as zone_a, and what it sends back leaves as zoneA; URLs becomes urLs, soc becomes SoC, and keys
# whose value is null are dropped.
# Seen with ocpp 2.1.0, data that a handler of 2.0.1 returns as it got them.
# Why it matters: the other side looks for its own keys. Hand over data as a text of JSON, or keep to keys that survive
# (letters, camelCase).
# The guess was: only names of the specification are translated.
# Exits 0 when the keys are changed, 1 when they are kept, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import sys

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result


class Wire:
    async def send(self, text):
        self.data = json.loads(text)[2]["data"]


class Station(ChargePoint):
    @on("DataTransfer")
    def on_data(self, vendor_id, data):
        print("handed: ", data)
        return call_result.DataTransfer(status="Accepted", data=data)


came = {"Zone_A": 1, "URLs": ["a"], "soc": 50, "kWhTotal": 2, "until": None}
wire = Wire()
print("came:   ", came)
asyncio.run(Station("CP1", wire).route_message(json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": came}])))
print("left:   ", wire.data)
sys.exit(0 if came.keys() - wire.data.keys() == {"Zone_A", "URLs", "soc", "until"} else 1)
PYTHON
