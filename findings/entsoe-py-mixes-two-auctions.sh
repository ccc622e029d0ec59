#!/usr/bin/env bash
# The European market platform publishes the day-ahead prices of some zones twice, one time series for each auction,
# told apart by a position in the document. parse_prices of entsoe-py throws the position away: both prices of a quarter
# of an hour stand side by side under one stamp.
# Seen with entsoe-py 0.8.1 on a document with two auctions; asking for one position by the client avoids it.
# Why it matters: a tariff by day-ahead price takes either by chance, or adds an hour up to twice its quarters. Refuse
# duplicates in the index before you price by it.
# The guess was: the first auction counts, or an error.
# Exits 0 when both prices are there, 1 when one or none is, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install entsoe-py==0.8.1 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from entsoe.parsers import parse_prices

SERIES = """
<TimeSeries>
  <mRID>{position}</mRID><businessType>A62</businessType>
  <in_Domain.mRID codingScheme="A01">10Y1001A1001A82H</in_Domain.mRID>
  <{auction}>{position}</{auction}>
  <currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>
  <curveType>A03</curveType>
  <Period>
    <timeInterval><start>2026-01-01T00:00Z</start><end>2026-01-01T00:30Z</end></timeInterval>
    <resolution>PT15M</resolution>
    <Point><position>1</position><price.amount>{price}</price.amount></Point>
  </Period>
</TimeSeries>"""
AUCTION = "classificationSequence_AttributeInstanceComponent.position"
document = "<Publication_MarketDocument>{}</Publication_MarketDocument>".format(
    SERIES.format(auction=AUCTION, position=1, price=80) + SERIES.format(auction=AUCTION, position=2, price=95)
)
prices = parse_prices(document)["15min"]
print(prices)
first = prices.iloc[:2].tolist()
sys.exit(0 if len(prices) == 4 and sorted(first) == [80.0, 95.0] and prices.index[0] == prices.index[1] else 1)
PYTHON
