#!/usr/bin/env bash
# customData is where OCPP 2.0.1 lets a vendor add fields of his own to any message. The router of CitrineOS checks
# messages with "remove what the schema does not name": of customData only vendorId is left, and the message counts as
# valid.
# Seen with @citrineos/base 1.8.2, asked by its own message router with its default validator.
# Why it matters: the field that an operator agreed on with the maker of his stations (a lane, a battery, a price shown)
# is gone before any code of his sees it, without a word. Free data of DataTransfer stay.
# The guess was: customData arrives as it was sent, since its schema is open.
# Exits 0 when the fields are gone, 1 when they are kept, 2 when the package cannot be had.
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

(async () => {
  const payload = {
    customData: { vendorId: 'maker', lane: 3, dongle: { slot: 1 } },
    timestamp: '2026-01-01T00:00:00Z',
    connectorStatus: 'Available',
    evseId: 1,
    connectorId: 1,
  };
  console.info('came:', JSON.stringify(payload.customData));
  const { isValid } = await router._validateCall('1:CP1', [2, '1', 'StatusNotification', payload], 'ocpp2.0.1');
  console.info('left:', JSON.stringify(payload.customData), 'valid:', isValid);
  process.exit(isValid && JSON.stringify(payload.customData) === '{"vendorId":"maker"}' ? 0 : 1);
})();
NODE
node run.cjs
