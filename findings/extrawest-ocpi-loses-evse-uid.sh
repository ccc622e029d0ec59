#!/usr/bin/env bash
# A CDR of OCPI 2.2.1 says where the session was by evse_uid, the id that cannot be used twice, and evse_id, the one for
# people. extrawest-ocpi has no field for the first: it is dropped on reading and missing on writing, though the
# specification requires it.
# Seen with extrawest-ocpi 2025.7.16.
# Why it matters: a partner checks a CDR against his location by evse_uid; without it the CDR is refused, or paid
# without being checked.
# The guess was: a valid CDR survives reading and writing.
# Exits 0 when evse_uid is lost, 1 when it is kept, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install extrawest-ocpi==2025.7.16 || exit 2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys

from py_ocpi.modules.cdrs.v_2_2_1.schemas import CdrLocation

came = {
    "id": "loc1",
    "address": "Street 1",
    "city": "Delft",
    "country": "NLD",
    "coordinates": {"latitude": "52.004604", "longitude": "4.359893"},
    "evse_uid": "3256",
    "evse_id": "nl*abc*e1",
    "connector_id": "1",
    "connector_standard": "IEC_62196_T2",
    "connector_format": "SOCKET",
    "connector_power_type": "AC_3_PHASE",
}
left = json.loads(CdrLocation(**came).json())
print("lost:", came.keys() - left.keys())
print("left:", left)
sys.exit(0 if came.keys() - left.keys() == {"evse_uid"} else 1)
PYTHON
