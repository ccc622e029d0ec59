#!/usr/bin/env bash
# OpenADR 3 writes "until further notice" as a duration of P9999Y. Two clients for Python fall over it, and over all the
# other events that came in the same answer: openadr3 adds it to the start and leaves the calendar, toadr3 knows no
# durations of years and months at all, and its way to allow this one cannot be reached from its client.
# Seen with openadr3 0.5.0 and toadr3 0.29.0, asking a server for two events, the second of which is endless.
# Why it matters: a limit of the grid that holds until it is lifted, and a price list that repeats every day, are told
# this way. From that moment on the client sees no event of that utility, nor the end of the limit.
# The guess was: the one value that the specification gives a meaning of its own is known.
# Exits 0 when both refuse all events, 1 when one reads them, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install openadr3==0.5.0 toadr3==0.29.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import aiohttp
import toadr3
from openadr3.api import OpenADRClient


def event(name: str, duration: str) -> dict:
    limit = {"type": "IMPORT_CAPACITY_LIMIT", "values": [22.0]}
    return {
        "id": name, "programID": "grid", "objectType": "EVENT", "eventName": name,
        "createdDateTime": "2026-07-01T00:00:00Z", "modificationDateTime": "2026-07-01T00:00:00Z",
        "intervalPeriod": {"start": "2026-07-01T00:00:00Z", "duration": duration},
        "intervals": [{"id": 0, "payloads": [limit]}],
    }  # fmt: skip


class Utility(BaseHTTPRequestHandler):
    events: list[dict] = []

    def do_GET(self):
        body = json.dumps(self.events).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


async def by_toadr3(url: str) -> int:
    async with aiohttp.ClientSession() as session:
        return len(await toadr3.get_events(session, url, None, None))


def by_openadr3(url: str) -> int:
    return len(OpenADRClient(base_url=url, token="any").events())


def told(name: str, ask) -> bool:
    try:
        print(f"{name}: {ask()} events")
        return True
    except Exception as error:
        print(f"{name}: {type(error).__name__} {' '.join(str(error).split())[:110]}")
        return False


server = HTTPServer(("127.0.0.1", 0), Utility)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
results = []
for durations in (("PT1H", "P1D"), ("PT1H", "P9999Y")):
    Utility.events = [event(f"event-{number}", duration) for number, duration in enumerate(durations)]
    print("durations:", *durations)
    results.append(told("openadr3", lambda: by_openadr3(url)))
    results.append(told("toadr3", lambda: asyncio.run(by_toadr3(url))))
sys.exit(0 if results == [True, True, False, False] else 1)
PYTHON
