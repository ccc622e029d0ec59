#!/usr/bin/env bash
# An invoice of Stripe for what was used in a month has a line with the quantity, a price by unit_amount_decimal (unit_amount
# is null where the price is no whole cent), and the interval of the subscription. stripe-xrechnung takes the interval for
# the unit and divides for the price, to a whole cent: 12,345 Wh at 0.04567 cents are written as 12,345 months at 0.00 EUR,
# 123 kWh at 45.67 cents as 123 months at 0.46.
# Seen with stripe-xrechnung 0.1.0; amounts and totals are right, and its own check says nothing of it.
# Why it matters: the bill is legible by machines only, which multiply or show months. The rules of EN 16931 do not compare
# quantity and price with the amount, so no validator objects. Check a line of energy in what you send, once.
# The guess was: unit_amount_decimal is the price, and the unit C62.
# Exits 0 when both lines are so, 1 when they are not, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install stripe-xrechnung==0.1.0 || exit 2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import re
import subprocess
import sys
from pathlib import Path


def line(name: str, quantity: int, cents: str, amount: int) -> dict:
    metered = {"interval": "month", "usage_type": "metered"}
    price = {"unit_amount": None, "unit_amount_decimal": cents, "recurring": metered}
    return {"id": name, "object": "line_item", "description": name, "quantity": quantity, "amount": amount, "price": price}


LINES = [line("Energy in Wh", 12345, "0.04567", 564), line("Energy in kWh", 123, "45.67", 5617)]
INVOICE = {
    "object": "invoice", "id": "in_1", "number": "R-1", "currency": "eur", "created": 1782900000, "status": "open",
    "account_name": "Operator", "customer_name": "Fleet", "metadata": {"seller_vat": "DE123456789"},
    "customer_address": {"line1": "Quay 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
    "subtotal": 6181, "tax": 1174, "total": 7355, "amount_due": 7355, "lines": {"data": LINES},
}  # fmt: skip
Path("invoice.json").write_text(json.dumps(INVOICE))
command = [f"{sys.prefix}/bin/stripe-xrechnung", "emit", "invoice.json"]
text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
pattern = r'<cbc:InvoicedQuantity unitCode="(\w+)">(.*?)<.*?<cbc:PriceAmount currencyID="EUR">(.*?)<'
written = re.findall(pattern, text, re.DOTALL)
for told, (unit, quantity, price) in zip(LINES, written):
    print(f"{told['description']}: {told['quantity']} at {told['price']['unit_amount_decimal']} cents,", end=" ")
    print(f"written as {quantity} {unit} at {price} EUR")
sys.exit(0 if written == [("MON", "12345", "0.00"), ("MON", "123", "0.46")] else 1)
PYTHON
