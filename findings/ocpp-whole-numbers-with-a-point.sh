#!/usr/bin/env bash
# The schemas of OCPP 2.0.1 are of JSON Schema draft 6, where 1.0 is an integer. The Python ocpp library reads them as
# draft 4, where it is none, and refuses the message; ocpp-rpc and typed-ocpp for Node take it.
# Seen with ocpp 2.1.0, ocpp-rpc 2.2.1 and typed-ocpp 1.6.2.
# Why it matters: stations whose JSON comes from numbers with a point (C, Lua) work with one CSMS and get
# TypeConstraintViolation from another, both of them "schema-checked". Take such numbers, and write none.
# The guess was: one schema, one verdict.
# Exits 0 when the verdicts differ, 1 when they agree, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip --quiet install ocpp==2.1.0 || exit 2
npm install --silent --no-audit --no-fund ocpp-rpc@2.2.1 typed-ocpp@1.6.2 >/dev/null || exit 2
cat >python.py <<'PYTHON'
import asyncio
import json
import sys

from ocpp.exceptions import OCPPError
from ocpp.messages import unpack, validate_payload

try:
    asyncio.run(validate_payload(unpack(sys.argv[1]), "2.0.1"))
    print("ocpp: valid")
except OCPPError as error:
    print("ocpp:", type(error).__name__, error.details["cause"])
    sys.exit(1)
PYTHON
cat >node.mjs <<'NODE'
import { createRequire } from 'node:module';
import { OCPP20 } from 'typed-ocpp';

const frame = JSON.parse(process.argv[2]);
const validators = createRequire(import.meta.url)('ocpp-rpc/lib/standard-validators.js');
validators.find((v) => v.subprotocol === 'ocpp2.0.1').validate(`urn:${frame[2]}.req`, frame[3]);
console.log('ocpp-rpc: valid; typed-ocpp:', OCPP20.validate(frame) ? 'valid' : 'refused');
process.exit(OCPP20.validate(frame) ? 0 : 1);
NODE
frame='[2, "1", "StatusNotification", {"timestamp": "2026-01-01T00:00:00Z", "connectorStatus": "Available",
  "evseId": 1.0, "connectorId": 1}]'
venv/bin/python python.py "${frame/1.0/1}"
node node.mjs "$frame" || exit 1
! venv/bin/python python.py "$frame" || exit 1
