#!/usr/bin/env bash
# ocpp-rpc in strict mode takes a stamp without a time zone (2026-01-01T00:00:00) for a date-time of OCPP; typed-ocpp,
# which checks the same schema with the same validator, refuses it.
# Seen with ocpp-rpc 2.2.1 and typed-ocpp 1.6.2 for Node.
# Why it matters: strict mode is switched on to keep such stamps out. A CSMS on it stores local time of unknown zone as
# if checked; the same charging station fails against another CSMS.
# The guess was: strict means RFC 3339, and a stamp without a zone is refused.
# Exits 0 when that is so, 1 when both agree, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ocpp-rpc@2.2.1 typed-ocpp@1.6.2 >/dev/null || exit 2
cat >run.mjs <<'NODE'
import { createRequire } from 'node:module';
import { OCPP16 } from 'typed-ocpp';

const validators = createRequire(import.meta.url)('ocpp-rpc/lib/standard-validators.js');
const strict = validators.find((v) => v.subprotocol === 'ocpp1.6');

function takes(timestamp) {
  const status = { connectorId: 1, errorCode: 'NoError', status: 'Available', timestamp };
  let rpc = true;
  try {
    strict.validate('urn:StatusNotification.req', status);
  } catch {
    rpc = false;
  }
  return { timestamp, rpc, typed: OCPP16.validate([2, '1', 'StatusNotification', status]) };
}

const zoned = takes('2026-01-01T00:00:00Z');
const bare = takes('2026-01-01T00:00:00');
const word = takes('yesterday');
console.table([zoned, bare, word]);
const asStated = zoned.rpc && zoned.typed && bare.rpc && !bare.typed && !word.rpc && !word.typed;
process.exit(asStated ? 0 : 1);
NODE
node run.mjs
