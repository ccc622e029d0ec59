#!/usr/bin/env bash
# ocpp-lens makes charging sessions of a log of OCPP 1.6. Where the log begins within a session it has only the stop, and
# takes 0 for the register at the start: the energy of that session is the whole register of the meter, called complete.
# Seen with ocpp-lens 0.2.0: a session of 8 kWh on a meter at 5,000 kWh counts 5,008 kWh once its start is cut off.
# Why it matters: logs are rotated, so each file begins within the sessions of that moment; the sum of a fleet is the sum
# of its registers. Sessions without a start need the energy left open.
# The guess was: a session without its start is told as incomplete, as one without its stop is.
# Exits 0 when the register is counted, 1 when it is not, 2 when the package cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp-lens==0.2.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - <<'PYTHON'
import sys

from ocpp_log import analyse, log

frames = log(("1", "2", 8))
for name, part in (("whole log", frames), ("without the start", frames[2:]), ("without the stop", frames[:2])):
    (session,) = analyse(part).sessions
    print(f"{name}: {session.energy_kwh} kWh, complete: {session.is_complete}")
    if name == "without the start":
        found = session.energy_kwh, session.is_complete
sys.exit(0 if found == (5008.0, True) else 1)
PYTHON
