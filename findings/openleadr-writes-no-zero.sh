#!/usr/bin/env bash
# OpenADR 2.0b tells how long a price or a limit of the grid lasts by a duration of ISO 8601; PT0S is one that is open
# ended. openleadr writes a duration of zero, or of less than a second, as "P", which is no duration; a week (P1W) it
# reads as zero.
# Seen with openleadr 0.5.36, and isodate 0.7.2 as the judge: "P" is refused.
# Why it matters: "limit this site until further notice" is an event that strict receivers refuse as a whole, and a
# limit for a week ends at once.
# The guess was: whatever timedelta goes in is a duration that others read.
# Exits 0 when zero is "P" and a week nothing, 1 otherwise, 2 when the packages cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install openleadr==0.5.36 isodate==0.7.2 || exit 2
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys
from datetime import timedelta

import isodate
from openleadr import utils

written = {}
for length in (timedelta(minutes=90), timedelta(0)):
    written[length] = utils.timedeltaformat(length)
    try:
        judged = repr(isodate.parse_duration(written[length]))
    except isodate.ISO8601Error:
        judged = "no duration"
    print(f"{length} is written {written[length]!r}: {judged}")
week = utils.parse_duration("P1W")
print(f"P1W is read as {week!r}")
sys.exit(0 if written[timedelta(0)] == "P" and week == timedelta(0) else 1)
PYTHON
