#!/usr/bin/env bash
# ocpp-lens makes charging sessions of a log of OCPP 1.6. It finds the answer to a call by the message id alone, over the
# whole log. Ids are unique within a connection only, and many charge points count from 1 after each start: of all
# sessions whose messages share ids only the last is there, and nothing says that others are missing.
# Seen with ocpp-lens 0.2.0: two sessions with the ids 1, 2 and 3, 4 are two; with 1, 2 and again 1, 2 they are one.
# Why it matters: a week's log of a charge point that restarts every night shows one session, and half the energy.
# The guess was: an answer belongs to the call before it.
# Exits 0 when a session is missing, 1 when both are there, 2 when the package cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp-lens==0.2.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - <<'PYTHON'
import sys

from ocpp_log import analyse, log

counts = []
for second in (("3", "4"), ("1", "2")):
    result = analyse(log(("1", "2", 8), (*second, 20)))
    counts.append(result.total_sessions)
    print(f"ids 1, 2 and {', '.join(second)}: {result.total_sessions} sessions, {result.total_energy_kwh} kWh of 16")
sys.exit(0 if counts == [2, 1] else 1)
PYTHON
