#!/usr/bin/env bash
# In OCPP 1.6 the Python ocpp library hands a handler of SetChargingProfile (and of RemoteStartTransaction) a Decimal
# for a limit of 16.1 and an int for a limit of 16: multiplying it by a float works in one schedule and raises in the
# next.
# Seen with ocpp 2.1.0. It parses these messages anew with Decimal, so that "multipleOf 0.1" of the schema holds.
# Why it matters: a station or simulator that scales the limit (share of a feeder, reserve of 10 %) works in tests with
# whole amperes and answers InternalError to the first real profile.
# The guess was: JSON numbers arrive as float.
# Exits 0 when that is so, 1 when not, 2 when the package cannot be had.
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

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result

logging.disable(logging.CRITICAL)
seen = []


class Wire:
    async def send(self, text):
        print("answered:", text[:70])
        self.last = text


class Station(ChargePoint):
    @on("SetChargingProfile")
    def on_profile(self, connector_id, cs_charging_profiles):
        limit = cs_charging_profiles["charging_schedule"]["charging_schedule_period"][0]["limit"]
        seen.append(type(limit).__name__)
        print("limit", repr(limit), "reserve", limit * 0.1)
        return call_result.SetChargingProfile(status="Accepted")


async def run():
    wire = Wire()
    station, answers = Station("CP1", wire), []
    for limit in (16, 16.1):
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        }
        message = [2, str(limit), "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}]
        await station.route_message(json.dumps(message))
        answers.append(json.loads(wire.last)[0])
    return answers


answers = asyncio.run(run())
print(seen, answers)
sys.exit(0 if seen == ["int", "Decimal"] and answers == [3, 4] else 1)
PYTHON
