#!/usr/bin/env bash
# OCPP-J lets a server that shares no version with a station complete the handshake without a subprotocol and close
# then. The websockets library for Python, given a list of subprotocols, answers HTTP 400 instead: to a station with
# another version as well as to one that names none.
# Seen with websockets 17.4 (asyncio server).
# Why it matters: old stations that send no Sec-WebSocket-Protocol cannot be served however lenient the handler is, it
# never sees them; and a 400 looks to a station like a fault of the URL. Choose the subprotocol in a function of your
# own.
# The guess was: the connection opens with subprotocol None, and the handler decides.
# Exits 0 when both are refused by 400, 1 when one of them gets in, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install websockets==17.4 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import InvalidStatus


async def handler(connection):
    await connection.close(1002, f"subprotocol {connection.subprotocol}")


async def told(port, offered):
    try:
        async with connect(f"ws://127.0.0.1:{port}/CP1", subprotocols=offered) as station:
            return station.subprotocol
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def main():
    async with serve(handler, "127.0.0.1", 0, subprotocols=["ocpp1.6", "ocpp2.0.1"]) as server:
        port = server.sockets[0].getsockname()[1]
        results = [await told(port, offered) for offered in (["ocpp1.6"], ["ocpp2.1"], None)]
    print("ocpp1.6:", results[0], "ocpp2.1:", results[1], "none:", results[2])
    return results


sys.exit(0 if asyncio.run(main()) == ["ocpp1.6", 400, 400] else 1)
PYTHON
