#!/bin/sh
# Generates a client, builds the example and runs it:  CSMS_TOKEN=... sh examples/clients/run.sh python|go|typescript|java
# CSMS_ADDRESS is host:port of the gateway, default 127.0.0.1:3000; the token is one of `csms token --role operator`.
set -eu
[ $# -eq 1 ] || { echo "run.sh: usage: run.sh python|go|typescript|java" >&2; exit 2; }
[ -n "${CSMS_TOKEN:-}" ] || { echo "run.sh: CSMS_TOKEN is not set: export CSMS_TOKEN=\$(csms token --role operator)" >&2; exit 2; }
case $1 in
  python | go | typescript | java) ;;
  *) echo "run.sh: there is no example in $1; there are python, go, typescript and java" >&2; exit 2 ;;
esac
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
