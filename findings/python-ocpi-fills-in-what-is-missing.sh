#!/usr/bin/env bash
# What a tariff of OCPI does not have is left out: no min_price means no lowest price. The server of python-ocpi writes it
# all out: a tariff of one price leaves with a min_price, a max_price and an energy_mix whose required parts are null, and
# with fourteen restrictions that are null; ids leave in capitals, times with +00:00, which OCPI tells apart from UTC.
# Seen with python-ocpi 0.3.1 (requests, which it needs and does not name, beside it), asked over HTTP for its tariffs.
# Why it matters: strict partners refuse each tariff, since excl_vat must be a number; lenient ones read null as 0 and show
# "at most 0.00". A CPO on it sees its own objects, which are right, and not what leaves.
# The guess was: what is not there is not written.
# Exits 0 when null prices are written, 1 when not, 2 when the packages cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install python-ocpi==0.3.1 requests==2.32.3 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

from flask import Flask
from ocpi import createOcpiBlueprint

TARIFF = {
    "country_code": "NL", "party_id": "ABC", "id": "day", "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}],
    "last_updated": "2026-06-29T20:39:09Z",
}  # fmt: skip


class Partners:
    def isAuthenticated(self, token):
        return True


class Tariffs:
    def getTariffs(self, *_):
        return [TARIFF]


app = Flask("cpo")
modules = {"credentials": {"role": "SENDER", "object": Partners()}, "tariffs": {"role": "SENDER", "object": Tariffs()}}
app.register_blueprint(createOcpiBlueprint("http://localhost", modules, "2.2"))
headers = {"Authorization": "Token any", "X-Request-ID": "1"}
left = app.test_client().get("/ocpi/2.2/tariffs/", headers=headers).get_json()["data"][0]
print("came:", json.dumps(TARIFF))
print("left:", json.dumps(left))
nothing = {"excl_vat": None, "incl_vat": None}
as_seen = left["min_price"] == left["max_price"] == nothing and left["elements"][0]["restrictions"]["max_kwh"] is None
sys.exit(0 if as_seen and left["last_updated"] == "2026-06-29T20:39:09+00:00" and left["id"] == "DAY" else 1)
PYTHON
