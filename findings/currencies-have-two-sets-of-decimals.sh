#!/usr/bin/env bash
# How many decimals an amount has depends on whom you ask: ISO 4217 gives two to HUF, COP and IDR and three to IQD;
# babel, and every formatter by CLDR data, writes them without any.
# Seen with babel 2.19.0 against the table of iso4217 1.16.20260101: fifteen currencies differ.
# Why it matters: a price of 79.90 HUF for a kWh is shown as 80 on a page and billed as 79.90; amounts rounded by babel
# do not add up to those of the payment provider, who counts in the minor units of ISO 4217.
# The guess was: CLDR follows ISO 4217 for the currencies in use.
# Exits 0 when HUF, COP, IDR and IQD differ, 1 when they agree, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install babel==2.19.0 iso4217==1.16.20260101 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from iso4217 import Currency

differ = {}
for currency in Currency:
    shown = get_currency_precision(currency.code)
    if currency.exponent is not None and currency.exponent != shown:
        differ[currency.code] = (currency.exponent, shown)
print("ISO 4217 and CLDR:", ", ".join(f"{code} {iso}/{cldr}" for code, (iso, cldr) in sorted(differ.items())))
print("79.90 HUF is written as", format_currency(Decimal("79.90"), "HUF", locale="en"))
sys.exit(0 if {"HUF", "COP", "IDR", "IQD"} <= differ.keys() and "EUR" not in differ else 1)
PYTHON
