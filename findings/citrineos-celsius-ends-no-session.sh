#!/usr/bin/env bash
# OCPP 1.6 was published with the unit "Celcius" and mended to "Celsius" later; schemas list both. In CitrineOS the
# schema of MeterValues has both, that of StopTransaction only the misspelt one: one sample of the temperature in the
# data of the transaction makes the whole StopTransaction invalid, which in MeterValues was fine.
# Seen with @citrineos/base 1.8.2, asked by its own message router. (The schemas in the Python ocpp 2.1.0 differ the
# same way with "Hertz".)
# Why it matters: whoever sends Celsius in StopTxnSampledData loses the end of every session. A StopTransaction should
# not be refused for a detail of its samples.
# The guess was: a sample that passes in MeterValues passes in StopTransaction.
# Exits 0 when it does not, 1 when it passes, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @citrineos/base@1.8.2 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { AbstractMessageRouter } = require('@citrineos/base');

class Router extends AbstractMessageRouter {}
const router = new Router({ logLevel: 6 }, {}, {}, {});
console.debug = console.log = console.warn = () => {};

const timestamp = '2026-01-01T00:00:00Z';
const samples = (unit) => [{ timestamp, sampledValue: [{ value: '31', measurand: 'Temperature', unit }] }];
const valid = async (action, payload) =>
  (await router._validateCall('1:CP1', [2, '1', action, payload], 'ocpp1.6')).isValid;

(async () => {
  const told = {};
  for (const unit of ['Celcius', 'Celsius']) {
    const stop = { transactionId: 1, meterStop: 1, timestamp, transactionData: samples(unit) };
    told[unit] = [
      await valid('MeterValues', { connectorId: 1, meterValue: samples(unit) }),
      await valid('StopTransaction', stop),
    ];
    console.info(unit, 'MeterValues', told[unit][0], 'StopTransaction', told[unit][1]);
  }
  process.exit(JSON.stringify(told) === '{"Celcius":[true,true],"Celsius":[true,false]}' ? 0 : 1);
})();
NODE
node run.cjs
