#!/usr/bin/env bash
# OCPP 2.0.1 names RpcFrameworkError and MessageTypeNotSupported among the codes of a CALLERROR. The Python ocpp library
# calls them "not defined by the OCPP specification" and raises an exception that is no OCPPError.
# Seen with ocpp 2.1.0: call(..., suppress=False) of a 2.0.1 connection.
# Why it matters: a CSMS that catches OCPPError around a command falls over, at the answer of a station that did as it
# should: these are the codes for what could not even be read.
# The guess was: every code of the specification has its exception, all of one family.
# Exits 0 when the two codes leave the family, 1 when they are known, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp==2.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import sys

from ocpp.exceptions import OCPPError
from ocpp.v201 import ChargePoint, call


class Wire:
    """A station that answers every call with one code."""

    def __init__(self, code):
        self.code = code

    async def send(self, text):
        answer = [4, json.loads(text)[1], self.code, "cannot be read", {}]
        asyncio.get_running_loop().create_task(self.station.route_message(json.dumps(answer)))


async def is_family(code):
    wire = Wire(code)
    wire.station = ChargePoint("CP1", wire)
    try:
        await asyncio.wait_for(wire.station.call(call.ClearCache(), suppress=False), 10)
    except Exception as error:
        print(f"{code}: {type(error).__name__}, an OCPPError: {isinstance(error, OCPPError)}")
        return isinstance(error, OCPPError)


codes = ("FormatViolation", "GenericError", "RpcFrameworkError", "MessageTypeNotSupported")
family = [asyncio.run(is_family(code)) for code in codes]
sys.exit(0 if family == [True, True, False, False] else 1)
PYTHON
