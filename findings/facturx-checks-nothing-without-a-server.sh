#!/usr/bin/env bash
# xml_check_schematron of factur-x answers True for an invoice that breaks the rules of EN 16931, unless a Saxon server
# listens on this machine: without one nothing is checked, a line is logged, and the answer is the one for a valid
# invoice. The same holds for check_schematron of what writes and embeds invoices.
# Seen with factur-x 7.8 (saxon_server_raise_if_http_error is off unless set).
# Why it matters: a billing that checks its invoices before it sends them passes everything, in CI too, and the tax
# portal of the customer refuses them later. Set saxon_server_raise_if_http_error, or run the Schematron that the
# package ships.
# The guess was: it raises, either for the invoice or for what is missing to check it.
# Exits 0 when that is so, 1 when the invoice is refused or an error is raised, 2 when a package cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install factur-x==7.8 saxonche==13.1.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys

from facturx import xml_check_schematron
from invoice import broken_rules, invoice

logging.disable(logging.CRITICAL)
wrong = invoice(price="-0.4567", vat="9.99", total="1000.00")
broken = broken_rules(wrong)
print("rules that the invoice breaks:", *broken)
try:
    told = xml_check_schematron(wrong.encode(), flavor="factur-x", level="en16931")
except Exception as error:
    told = f"{type(error).__name__}: {error}"
print("xml_check_schematron says:", told)
sys.exit(0 if broken and told is True else 1)
PYTHON
