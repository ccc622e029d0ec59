#!/usr/bin/env bash
# In OCPP 1.6 the profile with the highest stackLevel rules while its schedule lasts; before and after it the next lower
# one does. The ChargingManager of typed-ocpp keeps one profile for a purpose: the one that was set last, whatever its
# level.
# Seen with typed-ocpp 1.6.2 for Node: base profile 16 A all day, exception 10 A for an hour.
# Why it matters: simulators and tests that compute composite schedules with it disagree with real stations, and the
# answer depends on the order in which profiles were sent.
# The guess was: 16 A, 10 A for the hour, 16 A.
# Exits 0 when the levels do not stack, 1 when they do, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund typed-ocpp@1.6.2 >/dev/null || exit 2
cat >run.mjs <<'NODE'
import { Models, OCPP16 } from 'typed-ocpp';

const profile = (id, stackLevel, startSchedule, duration, limit) => ({
  connectorId: 1,
  csChargingProfiles: {
    chargingProfileId: id,
    stackLevel,
    chargingProfilePurpose: 'TxDefaultProfile',
    chargingProfileKind: 'Absolute',
    chargingSchedule: {
      startSchedule,
      duration,
      chargingRateUnit: 'A',
      chargingSchedulePeriod: [{ startPeriod: 0, limit }],
    },
  },
});
const base = profile(1, 0, '2026-03-27T00:00:00Z', 86400, 16);
const exception = profile(2, 1, '2026-03-27T07:00:00Z', 3600, 10);

function limits(...profiles) {
  const manager = new OCPP16.ChargingManager();
  profiles.forEach((p) => manager.setChargingProfile(p));
  return ['06:30', '07:30', '08:30'].map((time) => {
    const from = new Date(`2026-03-27T${time}:00Z`);
    const to = new Date(from.getTime() + 60_000);
    const rows = manager.getConnectorSchedule(from, to, 1, 'A', new Models.ACChargingSession(230), 3, false);
    const { charging, unit } = rows.find((row) => row.start <= from && from < row.end).data;
    return `${time} ${charging.max} ${unit}`;
  });
}

const up = limits(base, exception);
const down = limits(exception, base);
console.log('base first:     ', up.join(', '));
console.log('exception first:', down.join(', '));
const rightUp = up[0].endsWith(' 16 A') && up[1].endsWith(' 10 A');
const rightDown = down[1].endsWith(' 10 A');
process.exit(rightUp || rightDown ? 1 : 0);
NODE
node run.mjs
