#!/usr/bin/env bash
# An electronic invoice comes in one of two syntaxes, CII or UBL, of one model; converters turn one into the other. That of
# facturex cuts the price of one unit (BT-146, as many decimals as it needs) to two: 0.4567 for a kWh becomes 0.46, in both
# directions. Its validator is content with the invoice before and finds the line wrong after.
# Seen with facturex 0.6.4: 12.345 kWh at 0.4567 for 5.64 EUR, from CII to UBL and back.
# Why it matters: energy is sold by tenths of a cent, and platforms of the French reform convert on the way. What the
# customer receives is another price than the one that was sent. Keep the price as text from end to end, or state it
# for 1,000 kWh.
# The guess was: a conversion changes the syntax and no value.
# Exits 0 when the price is cut, 1 when it is kept, 2 when the package cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install facturex==0.6.4 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import re
import subprocess
import sys
from pathlib import Path

from invoice import invoice

folder = Path(sys.argv[1])


def facturex(*command: str) -> bool:
    done = subprocess.run([f"{sys.prefix}/bin/facturex", *command], capture_output=True, text=True, cwd=folder)
    print("facturex", *command, "->", "fine" if done.returncode == 0 else done.stdout.strip())
    return done.returncode == 0


def price(name: str) -> str:
    told = re.search(r"<(?:\w+:)?(?:PriceAmount|ChargeAmount)\b[^>]*>([^<]*)<", (folder / name).read_text())[1]
    print(f"price in {name}: {told}")
    return told


(folder / "sent.cii.xml").write_text(invoice())
before = facturex("validate", "sent.cii.xml")
assert facturex("convert", "sent.cii.xml", "converted.ubl.xml")
assert facturex("convert", "converted.ubl.xml", "back.cii.xml")
prices = [price(name) for name in ("sent.cii.xml", "converted.ubl.xml", "back.cii.xml")]
after = facturex("validate", "converted.ubl.xml")
sys.exit(0 if prices == ["0.4567", "0.46", "0.46"] and before and not after else 1)
PYTHON
