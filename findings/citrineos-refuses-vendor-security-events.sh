#!/usr/bin/env bash
# OCPP 2.0.1 leaves the type of a SecurityEventNotification open: a string of 50 characters that "should" be one of the
# list, so that vendors can tell events of their own. CitrineOS checks it as a closed list of twenty.
# Seen with @citrineos/base 1.8.2, asked by its own message router.
# Why it matters: security events are queued by the station until they are answered. One that is refused is lost (or
# sent again at each start), and it is the unlisted one, a door contact or a tampered module, that an operator wants to
# see.
# The guess was: a text in the schema is a text.
# Exits 0 when a vendor event is refused, 1 when it passes, 2 when the package cannot be had.
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

async function valid(type) {
  const event = { type, timestamp: '2026-01-01T00:00:00Z' };
  const frame = [2, '1', 'SecurityEventNotification', event];
  const { isValid, errors } = await router._validateCall('1:CP1', frame, 'ocpp2.0.1');
  console.info(type, isValid, errors ? errors[0].message : '');
  return isValid;
}

(async () => {
  const listed = await valid('TamperDetectionActivated');
  const vendors = await valid('ServiceDoorOpened');
  process.exit(listed && !vendors ? 0 : 1);
})();
NODE
node run.cjs
