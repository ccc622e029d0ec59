#!/usr/bin/env bash
# The schemas of OCPP 2.1 spell one dimension of costs IdleTIme, with a capital I in the middle. A TransactionEvent that
# tells its costs with the dimension IdleTime, as everything else about idle time is called there, is invalid.
# Seen with ocpp 2.1.0 (schemas of OCPP 2.1 edition 1), by its own check of what it sends.
# Why it matters: a CSMS that refuses what breaks the schema refuses the end of a session for one letter of its costs.
# The guess was: the words of the schema are those that one would write.
# Exits 0 when only the odd spelling passes, 1 when that has changed, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

from ocpp.exceptions import OCPPError
from ocpp.messages import Call, validate_payload


def passes(word):
    costs = {
        "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 1.5}},
        "totalUsage": {"energy": 3.2, "chargingTime": 60, "idleTime": 300},
        "chargingPeriods": [
            {"startPeriod": "2026-01-01T00:00:00Z", "dimensions": [{"type": word, "volume": 300}]},
        ],
    }
    event = {
        "eventType": "Ended",
        "timestamp": "2026-01-01T00:05:00Z",
        "triggerReason": "EVDeparted",
        "seqNo": 1,
        "transactionInfo": {"transactionId": "T1"},
        "costDetails": costs,
    }
    try:
        asyncio.run(validate_payload(Call("1", "TransactionEvent", event), "2.1"))
    except OCPPError as error:
        print(f"{word}: {str(error.details.get('cause')).splitlines()[0][-110:]}")
        return False
    print(f"{word}: valid")
    return True


sys.exit(0 if [passes(word) for word in ("IdleTIme", "IdleTime", "ChargingTime")] == [True, False, True] else 1)
PYTHON
