#!/usr/bin/env bash
# A request that a charge point on the Python ocpp library has no handler for gets a CALLERROR by OCPP 1.6 and 2.0.1, and
# no answer whatever by 2.1.
# Seen with ocpp 2.1.0: ClearCache to a ChargePoint of each version without handlers.
# Why it matters: one call at a time may wait for its answer (part 4 section 4.1.1), so a central system waits for its
# time-out, and so does everything behind it; a simulated 2.1 station hides how the real ones refuse.
# The guess was: an action that is not handled is refused with NotImplemented, as in the versions before.
# Exits 0 when 2.1 is silent and the others are not, 1 when it answers, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import sys

import ocpp.v16
import ocpp.v21
import ocpp.v201

logging.disable(logging.CRITICAL)


class Wire:
    def __init__(self):
        self.sent = []

    async def send(self, text):
        self.sent.append(text)


def answers(version):
    wire = Wire()
    asyncio.run(version.ChargePoint("CP1", wire).route_message('[2,"1","ClearCache",{}]'))
    print(version.__name__, "answers:", wire.sent)
    return len(wire.sent)


sys.exit(0 if [answers(version) for version in (ocpp.v16, ocpp.v201, ocpp.v21)] == [1, 1, 0] else 1)
PYTHON
