#!/usr/bin/env bash
# pint, the usual library for units in Python, reads units of OCPP as something else: RH (relative humidity) as
# ronnahenry, B (bel) as byte; and var, varh and RPM not at all. So a conversion of measurands by name fails for
# reactive energy and is silently wrong for others.
# Seen with pint 0.25.3 and the units that OCPP 2.0.1 part 2 lists for measurands.
# Why it matters: whoever normalises MeterValues by pint loses the reactive registers that some grid contracts bill, and
# stores humidity as inductance. Keep a table of your own for the thirty units.
# The guess was: electrical units are the easy ones.
# Exits 0 when that is so, 1 when the units are read right or refused, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install pint==0.25.3 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pint

registry = pint.UnitRegistry()
told = {}
for unit in "Wh kWh W kW VA A V K Hz var kvar varh kvarh RPM RH B".split():
    try:
        told[unit] = str(registry.Quantity(1, unit).units)
    except pint.UndefinedUnitError:
        told[unit] = None
    print(f"{unit}: {told[unit] or 'not known'}")
right = told["kWh"] == "kilowatt_hour" and told["VA"] == "volt_ampere"
wrong = (told["RH"], told["B"]) == ("ronnahenry", "byte")
sys.exit(0 if right and wrong and not any(told[unit] for unit in ("var", "varh", "kvarh", "RPM")) else 1)
PYTHON
