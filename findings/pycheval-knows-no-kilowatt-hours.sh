#!/usr/bin/env bash
# The unit of energy on an invoice is KWH (UN/ECE Recommendation 20). pycheval has a list of units of its own, without
# it: an invoice for kilowatt hours is refused on reading and cannot be written.
# Seen with PyCheval 0.3.3, on an invoice that the rules of EN 16931 pass.
# Why it matters: invoices for charging say KWH, and those of the grid and of suppliers that an operator receives do as
# well. Naming the unit C62 ("one") instead makes them wrong.
# The guess was: the unit list of the standard.
# Exits 0 when KWH is refused, 1 when it is known, 2 when a package cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install pycheval==0.3.3 factur-x==7.8 saxonche==13.1.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - <<'PYTHON'
import sys

import pycheval
from invoice import broken_rules, invoice
from pycheval.quantities import QuantityCode

text = invoice()
print("rules that the invoice breaks:", broken_rules(text))
told = {}
for unit in ("KWH", "C62"):
    try:
        told[unit] = type(pycheval.parse_xml(text.replace("KWH", unit))).__name__
    except Exception as error:
        told[unit] = f"{type(error).__name__}: {error}"
    print(f"{unit}: {told[unit]}")
known = [code.value for code in QuantityCode]
energy = [code for code in ("KWH", "MWH", "WHR", "KWT", "JOU") if code in known]
print(len(known), "units; of energy and power:", energy)
sys.exit(0 if "KWH" in told["KWH"] and "Invoice" in told["C62"] and "KWH" not in known else 1)
PYTHON
