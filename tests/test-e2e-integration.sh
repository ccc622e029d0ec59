#!/usr/bin/env bash
# The whole system, driven as its users do. A stack that runs already (`make up`, `csms up --detach`) is asked how it is
# and given a session of each OCPP version; then all end-to-end tests run on a stack of their own, beside it.
# Exit code 0 only when everything passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make protos
stack=0
.venv/bin/csms status || stack=$?
case $stack in
    0)
        .venv/bin/csms simulate CP001 1.6
        .venv/bin/csms simulate CP002 2.0.1
        ;;
    3) echo "no stack to look at; the tests start one" ;;
    *)
        echo "the stack that runs is not well" >&2
        exit 1
        ;;
esac
make test ARGS="tests/e2e --ignore=tests/e2e/bench $*"
