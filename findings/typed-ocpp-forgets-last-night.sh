#!/usr/bin/env bash
# A daily recurring profile that starts at 07:00 with periods for day and night rules until 07:00 of the next day. Asked
# for a window that begins after midnight, the ChargingManager of typed-ocpp forgets the cycle of the day before: from
# midnight to 07:00 there is no limit but its default. Asked from before midnight the same hours are limited.
# Seen with typed-ocpp 1.6.2 for Node.
# Why it matters: night charging is what such profiles are for, and a composite schedule must not depend on when one
# asks.
# The guess was: 6 A at 03:00, however the question is put.
# Exits 0 when the answer depends on the window, 1 when not, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund typed-ocpp@1.6.2 >/dev/null || exit 2
cat >run.mjs <<'NODE'
import { Models, OCPP16 } from 'typed-ocpp';

const manager = new OCPP16.ChargingManager();
manager.setChargingProfile({
  connectorId: 1,
  csChargingProfiles: {
    chargingProfileId: 1,
    stackLevel: 0,
    chargingProfilePurpose: 'TxDefaultProfile',
    chargingProfileKind: 'Recurring',
    recurrencyKind: 'Daily',
    chargingSchedule: {
      startSchedule: '2026-02-01T07:00:00Z',
      chargingRateUnit: 'A',
      chargingSchedulePeriod: [{ startPeriod: 0, limit: 32 }, { startPeriod: 8 * 3600, limit: 6 }],
    },
  },
});

function at(instant, from) {
  const model = new Models.ACChargingSession(230);
  const rows = manager.getConnectorSchedule(new Date(from), new Date('2026-02-10T12:00:00Z'), 1, 'A', model, 3, false);
  const row = rows.find((r) => r.start <= new Date(instant) && new Date(instant) < r.end);
  return `${row.data.charging.max} ${row.data.unit}`;
}

const fromEvening = at('2026-02-10T03:00:00Z', '2026-02-09T20:00:00Z');
const fromNight = at('2026-02-10T03:00:00Z', '2026-02-10T01:00:00Z');
console.log('limit at 03:00, window from 20:00:', fromEvening);
console.log('limit at 03:00, window from 01:00:', fromNight);
process.exit(fromEvening === '6 A' && fromNight !== '6 A' ? 0 : 1);
NODE
node run.mjs
