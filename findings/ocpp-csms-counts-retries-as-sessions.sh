#!/usr/bin/env bash
# A charge point of OCPP 1.6 that gets no answer to its StartTransaction sends it again, as often as it is set to; connector,
# tag, meter and time are the same, the message id often is not. ocpp-csms makes a session of each copy: the charge point
# takes the id of the last answer and ends that one, the others run for ever.
# Seen with ocpp-csms 0.1.0: two copies are two ids, and after the StopTransaction one session is left running.
# Why it matters: lost answers are the normal case of a mobile network. The driver who is allowed one session at a time
# cannot start the next one, energy is counted from a meter that stands still, and the connector is taken on the map.
# Know a start by charge point, connector, time and meter, and give the copy the id of the first.
# The guess was: the same start is the same session.
# Exits 0 when a session is left running, 1 when there is only one, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp-csms==0.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import aiohttp
from ocpp_csms import CentralSystem

START = {"connectorId": 1, "idTag": "04A1B2C3", "meterStart": 5000, "timestamp": "2026-07-01T12:00:00Z"}


async def main() -> int:
    async with CentralSystem(host="127.0.0.1", port=0) as system, aiohttp.ClientSession() as client:
        url = f"ws://127.0.0.1:{system.port}/CP1"
        async with client.ws_connect(url, protocols=["ocpp1.6"]) as station:

            async def call(message_id: str, action: str, told: dict) -> dict:
                await station.send_json([2, message_id, action, told])
                kind, answered, payload = await station.receive_json(timeout=30)
                assert (kind, answered) == (3, message_id)
                print(action, "->", payload)
                return payload

            await call("1", "BootNotification", {"chargePointVendor": "maker", "chargePointModel": "model"})
            first = await call("2", "StartTransaction", START)
            again = await call("3", "StartTransaction", START)
            stop = {"transactionId": again["transactionId"], "meterStop": 9000, "timestamp": "2026-07-01T13:00:00Z"}
            await call("4", "StopTransaction", stop)
            left = dict(system.charge_points["CP1"].transactions)
            print("left running:", *left.values())
            return 0 if list(left) == [first["transactionId"]] != [again["transactionId"]] else 1


sys.exit(asyncio.run(main()))
PYTHON
