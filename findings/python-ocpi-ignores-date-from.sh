#!/usr/bin/env bash
# Partners of OCPI ask for what changed since they asked last, by date_from and date_to. The server of python-ocpi documents
# these two, and reads "from" and "to": date_from is ignored, and the objects of all years are the answer, page by page.
# Seen with python-ocpi 0.3.1 (requests, which it needs and does not name, beside it): its tariffs, asked over HTTP.
# Why it matters: nothing fails, so nobody notices. A partner that asks every few minutes reads everything every few minutes;
# the load grows with the history, and a CDR that was settled long ago comes again each time.
# The guess was: the parameters of the specification, which are those of its own documentation.
# Exits 0 when only "from" and "to" are read, 1 when date_from is, 2 when the packages cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install python-ocpi==0.3.1 requests==2.32.3 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from flask import Flask
from ocpi import createOcpiBlueprint


class Partners:
    def isAuthenticated(self, token):
        return True


class Tariffs:
    asked = []

    def getTariffs(self, since, until, offset, limit):
        self.asked.append((str(since)[:4], str(until)[:4], offset, limit))
        return []


app = Flask("cpo")
modules = {"credentials": {"role": "SENDER", "object": Partners()}, "tariffs": {"role": "SENDER", "object": Tariffs()}}
app.register_blueprint(createOcpiBlueprint("http://localhost", modules, "2.2"))
client = app.test_client()
headers = {"Authorization": "Token any", "X-Request-ID": "1"}
for names in (("date_from", "date_to"), ("from", "to")):
    window = dict(zip(names, ("2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z")))
    answer = client.get("/ocpi/2.2/tariffs/", headers=headers, query_string={**window, "offset": 0, "limit": 10})
    print(window, "->", answer.status_code, "since and until the years, offset, limit:", Tariffs.asked[-1])
sys.exit(0 if Tariffs.asked == [("2021", "2038", 0, 10), ("2026", "2026", 0, 10)] else 1)
PYTHON
