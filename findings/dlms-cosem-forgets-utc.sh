#!/usr/bin/env bash
# A meter that speaks DLMS/COSEM stamps its registers with the deviation of its clock from UTC in minutes; 0x8000 means
# that there is none to tell. dlms-cosem takes a deviation of 0 for none: the stamp of a meter that runs in UTC comes out
# without a time zone, and written again it says "not specified".
# Seen with dlms-cosem 25.1.0: -60 is UTC+1, -330 is UTC+5:30, 0 is no zone at all. gurux_dlms 1.0.203 reads it as UTC.
# Why it matters: meters of charging stations run in UTC for the very purpose of unambiguous billing. A stamp without a
# zone is local time to most programs: readings move by the offset of the server, and at the change of clocks two hours
# fall together.
# The guess was: 0 minutes is UTC.
# Exits 0 when the zone is lost, 1 when it is kept, 2 when the packages cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install dlms-cosem==25.1.0 gurux_dlms==1.0.203 || exit 2
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

from dlms_cosem import time
from gurux_dlms import GXDLMSClient
from gurux_dlms.enums import DataType

zones = {}
for minutes in (-60, -330, 0):
    stamp = bytes.fromhex("07ea0b1e010c000000") + minutes.to_bytes(2, "big", signed=True) + b"\0"
    moment, _ = time.datetime_from_bytes(stamp)
    zones[minutes] = moment.utcoffset()
    again = time.datetime_to_bytes(moment)[9:11].hex()
    print(f"deviation {minutes}: dlms-cosem {moment.isoformat()}, written again {again}")
gurux = GXDLMSClient.changeType(stamp, DataType.DATETIME).value
print(f"deviation 0: gurux_dlms {gurux.isoformat()}")
sys.exit(0 if zones[0] is None and None not in (zones[-60], zones[-330], gurux.utcoffset()) else 1)
PYTHON
