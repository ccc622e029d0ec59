#!/usr/bin/env bash
# In OCPI 2.1.1 a CDR holds the location where it was charged, cut down to the one EVSE and connector; later versions hold
# a flat extract (CdrLocation) and name the EVSE beside the session. ocpi-211-sdk, which is for 2.1.1 by name and by its
# stop_date_time and auth_id, requires the fields of the later versions: CDRs and sessions of 2.1.1 are refused.
# Seen with ocpi-211-sdk 0.0.3; ocpi-types 0.3.0 reads the same objects as 2.1.1.
# Why it matters: 2.1.1 is what the oldest partners speak, who will not change any more. Their sessions and CDRs, the part
# with the money, cannot be read; locations and tokens pass, so that the first tests look well.
# The guess was: the objects of 2.1.1.
# Exits 0 when CDR and session are refused, 1 when one is read, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpi-211-sdk==0.0.3 ocpi-types==0.3.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from ocpi_types import v2_1_1
from ocpplab_ocpi_211.core.pydantic_utilities import parse_obj_as
from ocpplab_ocpi_211.types.cdr import Cdr
from ocpplab_ocpi_211.types.location import Location
from ocpplab_ocpi_211.types.session import Session

WHEN = "2026-06-29T21:39:01Z"
CONNECTOR = {"id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "voltage": 230,
             "amperage": 32, "last_updated": WHEN}  # fmt: skip
EVSE = {"uid": "3256", "evse_id": "NL*ABC*E1", "status": "CHARGING", "connectors": [CONNECTOR], "last_updated": WHEN}
LOCATION = {
    "id": "LOC1", "type": "ON_STREET", "address": "Quay 1", "city": "Rotterdam", "postal_code": "3011AA",
    "country": "NLD", "coordinates": {"latitude": "51.9173", "longitude": "4.4846"}, "evses": [EVSE],
    "last_updated": WHEN,
}  # fmt: skip
PERIOD = {"start_date_time": WHEN, "dimensions": [{"type": "ENERGY", "volume": 15.342}]}
COMMON = {"id": "S1", "auth_id": "NL-ABC-C1", "auth_method": "WHITELIST", "location": LOCATION, "currency": "EUR",
          "charging_periods": [PERIOD], "total_cost": 4.25, "last_updated": WHEN}  # fmt: skip
SESSION = {**COMMON, "start_datetime": WHEN, "kwh": 15.342, "status": "ACTIVE"}
CDR = {**COMMON, "start_date_time": WHEN, "stop_date_time": WHEN, "tariffs": [], "total_energy": 15.342,
       "total_time": 1.9}  # fmt: skip


def taken(name: str, read, told: dict) -> bool:
    try:
        read(told)
    except Exception as error:
        lines = [line for line in str(error).splitlines() if not line.startswith(" ")]
        print(f"{name}: refused, {type(error).__name__}:", *lines)
        return False
    print(f"{name}: taken")
    return True


results = [
    taken("location, ocpi-211-sdk", lambda told: parse_obj_as(Location, told), LOCATION),
    taken("session,  ocpi-types", v2_1_1.Session.from_dict, SESSION),
    taken("session,  ocpi-211-sdk", lambda told: parse_obj_as(Session, told), SESSION),
    taken("CDR,      ocpi-types", v2_1_1.Cdr.from_dict, CDR),
    taken("CDR,      ocpi-211-sdk", lambda told: parse_obj_as(Cdr, told), CDR),
]
sys.exit(0 if results == [True, True, False, True, False] else 1)
PYTHON
