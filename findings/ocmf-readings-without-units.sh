#!/usr/bin/env bash
# A field of an OCMF reading that equals the one before it is left out: the second reading of a session has no unit, no
# register and no status of its own. pyocmf fills them in; @road-labs/ocmf, whose types promise a unit and a status in
# each reading, gives the reading as it stands.
# Seen with @road-labs/ocmf 0.0.9 for Node.
# Why it matters: whoever bills the difference of two readings with it has a unit for the first only, and a status
# "meter fault" of the first reading is not seen at the second.
# The guess was: what the types promise is there, carried forward.
# Exits 0 when the fields are missing, 1 when they are filled in, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @road-labs/ocmf@0.0.9 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { decomposeValue, parseSections } = require('@road-labs/ocmf');

const begin = {
  TM: '2026-07-24T13:22:04,000+0200 S', TX: 'B', RV: 2935.6, RI: '1-b:1.8.0', RU: 'kWh', EF: '', ST: 'G',
};
const end = { TM: '2026-07-24T14:22:04,000+0200 S', TX: 'E', RV: 2945.6 };
const payload = { FV: '1.0', PG: 'T1', MS: 'S1', IS: false, IT: 'NONE', RD: [begin, end] };
const text = `OCMF|${JSON.stringify(payload)}|${JSON.stringify({ SD: '3006020101020101' })}`;

const { RD } = parseSections(decomposeValue(text)).payloadData;
console.log('begin:', RD[0]);
console.log('end:  ', RD[1]);
process.exit(RD[0].RU === 'kWh' && RD[1].RU === undefined && RD[1].ST === undefined ? 0 : 1);
NODE
node run.cjs
