#!/usr/bin/env bash
# OCPI 2.3.0 tells an amount by "before_taxes" and a list of taxes, since sales taxes of America did not fit into the
# excl_vat and incl_vat of 2.2.1. latam-evra-ocpi speaks 2.3.0 and has amounts of 2.2.1: a session or CDR with amounts of
# its own version is refused, and what it writes no 2.3.0 partner can read.
# Seen with latam-evra-ocpi 0.5.0; ocpi-types 0.3.0 is the witness for 2.3.0.
# Why it matters: the version is agreed by number at the start, and the first CDR shows that it is another one. Try one
# CDR in both directions before a partner counts as connected.
# The guess was: a client for 2.3.0 has the one change of 2.3.0 that breaks what was before.
# Exits 0 when amounts of 2.3.0 are refused and those of 2.2.1 taken, 1 otherwise, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install latam-evra-ocpi==0.5.0 ocpi-types==0.3.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from latam_evra_ocpi.models.sessions import CostAmount
from ocpi_types.v2_3_0 import Price

OLD = {"excl_vat": 10.0, "incl_vat": 11.9}
NEW = {"before_taxes": 10.0, "taxes": [{"name": "IVA", "amount": 1.9}]}


def taken(library: str, read, amount: dict) -> bool:
    try:
        read(amount)
    except Exception as error:
        print(f"{library:16} {amount}: {type(error).__name__} {' '.join(str(error).split())[:70]}")
        return False
    print(f"{library:16} {amount}: taken")
    return True


results = [
    taken(library, read, amount)
    for library, read in (("ocpi-types", Price.from_dict), ("latam-evra-ocpi", CostAmount.model_validate))
    for amount in (OLD, NEW)
]
sys.exit(0 if results == [False, True, True, False] else 1)
PYTHON
