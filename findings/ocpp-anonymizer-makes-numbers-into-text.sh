#!/usr/bin/env bash
# ocpp-anonymizer replaces what tells of people in logs of OCPP 1.6, so that they can be handed on. The number of a
# transaction becomes a text of 16 characters: the frames that come out are no longer valid OCPP.
# Seen with ocpp-anonymizer 0.1.0 and the schemas of ocpp 2.1.0: StopTransaction is valid before and not after.
# Why it matters: a log is anonymised to be replayed, by a vendor or in a test. Each end of a session is refused then.
# The guess was: what comes out is OCPP with other values.
# Exits 0 when the frame is no longer valid, 1 when it is, 2 when the packages cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpp-anonymizer==0.1.0 ocpp==2.1.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import os
import sys

os.environ["OCPP_ANONYMIZER_SECRET_SALT"] = "only for this script"

from ocpp.exceptions import OCPPError
from ocpp.messages import Call, validate_payload
from ocpp_anonymizer.parser import process_log_line

payload = {"transactionId": 42, "idTag": "TAG", "meterStop": 8000, "timestamp": "2026-11-30T09:00:00Z"}
verdicts = []
line = f"CP001 : receive message {json.dumps([2, '1', 'StopTransaction', payload])}"
for name, text in (("before", line), ("after", process_log_line(line))):
    frame = json.loads(text[text.index("[") :])
    try:
        asyncio.run(validate_payload(Call(frame[1], frame[2], frame[3]), "1.6"))
        verdicts.append("valid")
    except OCPPError as error:
        verdicts.append(type(error).__name__)
    print(f"{name}: transactionId {frame[3]['transactionId']!r}: {verdicts[-1]}")
sys.exit(0 if verdicts[0] == "valid" != verdicts[1] else 1)
PYTHON
