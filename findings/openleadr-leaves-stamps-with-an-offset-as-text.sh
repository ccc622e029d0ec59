#!/usr/bin/env bash
# The times of OpenADR 2.0b are xsd:dateTime. openleadr makes a datetime of those that end in Z; one with an offset, as
# +01:00, it hands on as the text that came, with a line on standard output and no error.
# Seen with openleadr 0.5.36.
# Why it matters: the same field of an event is a datetime from one utility and a str from another. Comparing it with now
# raises in the middle of the schedule, or, as texts, sorts 23:00+01:00 behind 22:30Z.
# The guess was: a dateTime is read or refused.
# Exits 0 when such a stamp stays text, 1 when it is read, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install openleadr==0.5.36 || exit 2
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

from openleadr import utils

kinds = {}
for stamp in ("2026-11-30T22:30:00Z", "2026-11-30T22:30:00.5Z", "2026-11-30T23:00:00+01:00"):
    kinds[stamp] = type(utils.parse_datetime(stamp)).__name__
    print(f"{stamp}: {kinds[stamp]}")
sys.exit(0 if list(kinds.values()) == ["datetime", "datetime", "str"] else 1)
PYTHON
