#!/usr/bin/env bash
# All times of OCPI are UTC; the Z may be left out, "the absence implies UTC". ocpi-211-sdk reads a time without Z as one
# without a zone, and writes it with the offset of the machine it runs on: 20:39:09 (UTC) leaves as 20:39:09+09:00 on a
# server in Tokyo, nine hours earlier, and with an offset, which OCPI does not know.
# Seen with ocpi-211-sdk 0.0.3, models of tariffs and tokens; times with Z stay as they are.
# Why it matters: last_updated decides which of two objects is the newer one, and what a partner is asked for the next
# time (date_from). Objects that pass through go back in time; in a container, whose zone is UTC, all of it looks right.
# The guess was: without Z it is UTC, and leaves with Z.
# Exits 0 when the time is moved, 1 when it stays, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpi-211-sdk==0.0.3 || exit 2
TZ=Asia/Tokyo "$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

from ocpplab_ocpi_211.core.pydantic_utilities import parse_obj_as
from ocpplab_ocpi_211.types.token import Token

TOKEN = {"uid": "04A1B2C3", "type": "RFID", "auth_id": "NL-ABC-C1", "issuer": "ABC", "valid": True,
         "whitelist": "ALLOWED"}  # fmt: skip


def passed_on(stamp: str) -> str:
    left = json.loads(parse_obj_as(Token, {**TOKEN, "last_updated": stamp}).json())["last_updated"]
    print(f"came: {stamp:20} left: {left}")
    return left


with_z, without = passed_on("2026-06-29T20:39:09Z"), passed_on("2026-06-29T20:39:09")
sys.exit(0 if with_z == "2026-06-29T20:39:09Z" and without == "2026-06-29T20:39:09+09:00" else 1)
PYTHON
