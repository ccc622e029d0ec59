#!/usr/bin/env bash
# A tariff of OCPI is a list of elements, each with the times, powers and amounts that it counts for; the first one that
# fits sets the price. latam-evra-ocpi has prices only: restrictions are dropped without a word, on reading and on writing,
# and so are the lowest and the highest price of a session and the time from which a tariff counts.
# Seen with latam-evra-ocpi 0.5.0, its Tariff and TariffInput for OCPI 2.3.0.
# Why it matters: a night price followed by a day price becomes two prices for every hour, of which the first, the cheap
# one, counts by the rules of OCPI. What the driver sees all day is the price of the night.
# The guess was: what OCPI 2.3.0 has in a tariff is there, or the tariff is refused.
# Exits 0 when the restrictions are gone, 1 when they are kept, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install latam-evra-ocpi==0.5.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

from latam_evra_ocpi.models.tariffs import Tariff, TariffInput


def element(price: float, **restrictions: str) -> dict:
    prices = {"price_components": [{"type": "ENERGY", "price": price, "step_size": 1}]}
    return {**prices, "restrictions": restrictions} if restrictions else prices


TARIFF = {
    "country_code": "CL", "party_id": "ABC", "id": "NIGHT", "currency": "CLP", "tax_included": "NO",
    "min_price": {"before_taxes": 500},
    "elements": [element(180, start_time="22:00", end_time="06:00"), element(290)],
    "last_updated": "2026-06-29T20:39:09Z",
}  # fmt: skip
kept = []
print("came:", json.dumps(TARIFF["elements"]))
for model in (Tariff, TariffInput):
    left = model.model_validate(TARIFF).model_dump(exclude_none=True)
    print("left:", json.dumps(left["elements"]))
    kept += ["restrictions" in left["elements"][0], "min_price" in left]
sys.exit(1 if any(kept) else 0)
PYTHON
