#!/usr/bin/env bash
# python-ubl checks that the amount of a line is quantity times price, to the last digit and before any rounding, and
# keeps amounts and prices at two decimals: 12.345 kWh at 0.46 EUR are 5.6787, no amount of two decimals is that, and the
# line can be neither written nor read. A price of 0.4567 becomes 0.46 first, without a word.
# Seen with python-ubl 0.1.5: 10 kWh at 0.46 pass.
# Why it matters: meters count in watt hours. An operator whose own trials are in whole kWh finds out with the first real
# session, and the invoices of his suppliers, which are valid, raise when they are read.
# The guess was: the product is rounded to cents, or compared with a tolerance.
# Exits 0 when no amount is taken for 12.345 kWh, 1 when one is, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install python-ubl==0.1.5 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import re
import sys
from datetime import date
from decimal import Decimal

from lxml import etree
from ubl.exceptions import ParsingError, ValidationError
from ubl.models import Invoice, InvoiceLine, Item, Party, PostalAddress, Price
from ubl.models.basic_components import InvoicedQuantity, LineExtensionAmount, PriceAmount

ADDRESS = PostalAddress(street_name="Quay 1", city_name="Brussels", postal_zone="1000", country="BE")
SELLER, BUYER = (
    Party(name=name, vat=vat, country_code="BE", postal_address=ADDRESS)
    for name, vat in (("Operator", "BE0123456749"), ("Driver", "BE0876543210"))
)


def invoice(energy: str, price: str, amount: str) -> str:
    line = InvoiceLine(
        id="1", item=Item(name="Energy"),
        invoiced_quantity=InvoicedQuantity(value=Decimal(energy), unitCode="KWH"),
        price=Price(price_amount=PriceAmount(value=Decimal(price))),
        line_extension_amount=LineExtensionAmount(value=Decimal(amount)),
    )  # fmt: skip
    return Invoice(id="R-1", issue_date=date(2026, 7, 1), supplier=SELLER, customer=BUYER, lines=[line]).to_xml_string()


def read(text: str) -> None:
    Invoice.from_xml(etree.fromstring(text.encode()))


def taken(what: str, step, *told: str) -> bool:
    try:
        step(*told)
    except (ParsingError, ValidationError) as error:
        print(what, "refused:", re.search(r"Extension amount.*|$", str(error)).group())
        return False
    print(what, "taken")
    return True


whole = invoice("10", "0.46", "4.60")
metered = whole.replace(">10<", ">12.345<").replace(">4.60<", ">5.68<")
assert metered.count("5.68") >= 2 and "12.345" in metered
results = [
    taken("write 10 kWh at 0.46 for 4.60:", invoice, "10", "0.46", "4.60"),
    taken("read the same:", read, whole),
    taken("write 12.345 kWh at 0.46 for 5.68:", invoice, "12.345", "0.46", "5.68"),
    taken("write 12.345 kWh at 0.46 for 5.67:", invoice, "12.345", "0.46", "5.67"),
    taken("write 12.345 kWh at 0.46 for 5.6787:", invoice, "12.345", "0.46", "5.6787"),
    taken("write 12.345 kWh at 0.4567 for 5.64:", invoice, "12.345", "0.4567", "5.64"),
    taken("read 12.345 kWh at 0.46 for 5.68:", read, metered),
]
sys.exit(0 if results == [True, True] + [False] * 5 else 1)
PYTHON
