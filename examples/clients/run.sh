#!/bin/sh
# Generates a client, builds the example and runs it:  CSMS_TOKEN=... sh examples/clients/run.sh python|go|typescript|java
# CSMS_ADDRESS is host:port of the gateway, default 127.0.0.1:3000; the token is one of `csms token --role operator`.
set -eu
[ -n "${CSMS_TOKEN:-}" ] || { echo "run.sh: CSMS_TOKEN is not set; see csms token --help" >&2; exit 2; }
[ $# -eq 1 ] || { echo "run.sh: usage: run.sh python|go|typescript|java" >&2; exit 2; }
CSMS_ADDRESS=${CSMS_ADDRESS:-127.0.0.1:3000}
export CSMS_ADDRESS CSMS_TOKEN
here=$(cd "$(dirname "$0")/$1" && pwd)
sh "$here/../../../proto/generate.sh" "$1" "$here/generated"
cd "$here"
case $1 in
  python)
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
    PYTHONPATH=generated .venv/bin/python tour.py
    ;;
  go) go mod tidy && go run . ;;
  typescript) npm install --silent --no-fund --no-audit && npm run --silent tour ;;
  java) mvn --quiet --batch-mode compile exec:java ;;
esac
