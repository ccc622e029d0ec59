#!/usr/bin/env bash
# The whole system, driven as its users do. A stack that runs already (`make up`, `csms up --detach`) is asked how it is
# and given a session of each OCPP version; then all end-to-end tests run on a stack of their own, beside it.
# Exit code 0 only when everything passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make protos
if .venv/bin/csms status; then
    .venv/bin/csms simulate CP001 1.6
    .venv/bin/csms simulate CP002 2.0.1
else
    echo "no stack to look at; the tests start one"
fi
make test ARGS="tests/e2e --ignore=tests/e2e/bench $*"
