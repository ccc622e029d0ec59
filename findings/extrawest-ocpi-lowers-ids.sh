#!/usr/bin/env bash
# Ids of OCPI (CiString) are compared without regard to case. extrawest-ocpi reaches that by writing them in lower case:
# what comes as NL*ABC*E1 and NL leaves as nl*abc*e1 and nl, in every object that passes through a model.
# Seen with extrawest-ocpi 2025.7.16, tokens of OCPI 2.2.1.
# Why it matters: partners that compare bytes do not find the EVSE or the contract again, EVSE ids on bills are not
# those on the charger, and a hub that passes objects on changes them. Compare folded, keep what was said.
# The guess was: the text is kept, only comparing ignores the case.
# Exits 0 when the ids leave in lower case, 1 when they are kept, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install extrawest-ocpi==2025.7.16 || exit 2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys

from py_ocpi.modules.tokens.v_2_2_1.schemas import Token

came = {
    "country_code": "DE",
    "party_id": "ABC",
    "uid": "04A2F1B2",
    "type": "RFID",
    "contract_id": "DE-ABC-C12E46L89",
    "issuer": "Operator",
    "valid": True,
    "whitelist": "ALLOWED",
    "last_updated": "2026-01-01T00:00:00Z",
}
left = json.loads(Token(**came).json())
changed = {name: (value, left[name]) for name, value in came.items() if left[name] != value}
print(*(f"{name}: {before} -> {after}" for name, (before, after) in changed.items()), sep="\n")
lowered = all(after == before.lower() for before, after in changed.values())
sys.exit(0 if lowered and {"country_code", "party_id", "uid", "contract_id"} == changed.keys() else 1)
PYTHON
