#!/usr/bin/env bash
# CitrineOS adds "multipleOf 0.1" to the limits of OCPP 2.0.1 charging profiles (the published schemas have it in 1.6
# only) and checks it with binary floats: many limits with one decimal are refused, 0.3 and 1.2 among them.
# Seen with @citrineos/base 1.8.2, asked by its own message router with its default validator.
# Why it matters: load management that shares a feeder ends in such limits. What a station reports of its profiles is
# refused by chance of the digit; send whole amperes, or watts, and do not copy the bound into a schema that floats are
# checked by.
# The guess was: every limit from 0.0 to 100.0 in steps of 0.1 passes.
# Exits 0 when many are refused, 1 when all pass, 2 when the package cannot be had.
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

const report = (limit) => ({
  requestId: 1,
  chargingLimitSource: 'EMS',
  evseId: 1,
  chargingProfile: [{
    id: 1,
    stackLevel: 0,
    chargingProfilePurpose: 'TxDefaultProfile',
    chargingProfileKind: 'Relative',
    chargingSchedule: [{ id: 1, chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit }] }],
  }],
});

(async () => {
  const refused = [];
  for (let tenths = 0; tenths <= 1000; tenths += 1) {
    const frame = [2, '1', 'ReportChargingProfiles', report(tenths / 10)];
    const { isValid } = await router._validateCall('1:CP1', frame, 'ocpp2.0.1');
    if (!isValid) refused.push(tenths / 10);
  }
  console.info(`refused ${refused.length} of 1001:`, refused.slice(0, 8).join(' '));
  process.exit(refused.length > 100 && refused.length < 1001 ? 0 : 1);
})();
NODE
node run.cjs
