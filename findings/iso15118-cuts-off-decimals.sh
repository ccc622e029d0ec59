#!/usr/bin/env bash
# ISO 15118 tells numbers as a whole number and a power of ten. The iso15118 library for Python makes that pair from a
# float by cutting off: 0.57 becomes 569 x 10^-3, that is 0.569, and the same holds for the rational numbers of ISO
# 15118-20 that prices are told in.
# Seen with iso15118 0.31.2: one of thirteen values with two decimals is a thousandth too low, those with one decimal
# are right.
# Why it matters: what the car shows or signs is not what the CSMS sent: a price of 0.57 per kWh, a voltage, an energy
# request. Compare with a tolerance, or give whole numbers and the exponent yourself.
# The guess was: two decimals are within the precision of the pair and come back exactly.
# Exits 0 when some values differ, 1 when all are exact, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install iso15118==0.31.2 || exit 2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from decimal import Decimal

from iso15118.shared.messages.datatypes import PhysicalValue
from iso15118.shared.messages.iso15118_20.common_types import RationalNumber


def physical(value):
    exponent, whole = PhysicalValue.get_exponent_value_repr(float(value))
    return Decimal(whole).scaleb(exponent)


def rational(value):
    told = RationalNumber.get_rational_repr(float(value))
    return Decimal(told.value).scaleb(told.exponent)


wrong = {}
for decimals in (1, 2):
    for name, made in (("physical", physical), ("rational", rational)):
        values = [Decimal(number).scaleb(-decimals) for number in range(1, 20000)]
        wrong[decimals, name] = [(value, made(value)) for value in values if made(value) != value]
        shown = ", ".join(f"{value} -> {told}" for value, told in wrong[decimals, name][:4])
        print(f"{decimals} decimals, {name}: {len(wrong[decimals, name])} of {len(values)} differ. {shown}")
sys.exit(0 if wrong[2, "physical"] and wrong[2, "rational"] and not wrong[1, "physical"] else 1)
PYTHON
