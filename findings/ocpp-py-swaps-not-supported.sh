#!/usr/bin/env bash
# OCPP-J has two codes for "no": NotImplemented for an action that the receiver does not know, NotSupported for one that
# it knows and does not do. The Python ocpp library answers them the other way round.
# Seen with ocpp 2.1.0 (1.6): an invented action gets NotSupported, a known one without a handler gets NotImplemented.
# Why it matters: a CSMS that learns from these codes what a device can do (not offering a command again, counting it as
# a fault of the version) learns the opposite from every device and simulator that is built on this library. Treat both
# codes alike.
# The guess was: the words of OCPP-J 1.6, table of CALLERROR codes, as they stand.
# Exits 0 when that is so, 1 when the codes follow the table, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import logging
import sys

from ocpp.v16 import ChargePoint

logging.disable(logging.CRITICAL)
codes = {}


class Wire:
    async def send(self, text):
        _, action, code, description, _ = json.loads(text)
        codes[action] = code
        print(f"{action}: {code} ({description})")


async def run():
    station = ChargePoint("CP1", Wire())
    for action in ("ClearCache", "WaterThePlants"):
        await station.route_message(json.dumps([2, action, action, {}]))


asyncio.run(run())
sys.exit(0 if codes == {"ClearCache": "NotImplemented", "WaterThePlants": "NotSupported"} else 1)
PYTHON
