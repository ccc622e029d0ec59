#!/usr/bin/env bash
# Architecture, twelve factors and OCPP: who may import whom, the contracts, the settings of every process, the entrance,
# and the OCPP edge. Needs no running system. Exit code 0 only when everything passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
make lint
make test ARGS="tests/unit tests/contract/protos tests/contract/deploy tests/contract/envoy tests/contract/ocpp_edge $*"
