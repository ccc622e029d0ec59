#!/usr/bin/env bash
# The signature of an OCMF record is hex unless SE says base64. @road-labs/ocmf reads hex only: a valid record with SE
# base64 is not judged but raises.
# Seen with @road-labs/ocmf 0.0.9 and its crypto package for Node; pyocmf 0.6.0 verifies such records.
# Why it matters: a verifier that raises is easily taken for "forged". Show a driver "cannot be checked here" for it.
# The guess was: both encodings of the format are read.
# Exits 0 when base64 raises, 1 when it is read, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @road-labs/ocmf@0.0.9 @road-labs/ocmf-crypto-noble@0.0.9 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { createSign, generateKeyPairSync } = require('node:crypto');
const { Verifier } = require('@road-labs/ocmf');
const { Crypto } = require('@road-labs/ocmf-crypto-noble');

const reading = { TM: '2026-07-24T13:22:04,000+0200 S', TX: 'B', RV: 2935.6, RI: '1-b:1.8.0', RU: 'kWh', ST: 'G' };
const payload = JSON.stringify({ FV: '1.0', PG: 'T1', MS: 'S1', IS: false, IT: 'NONE', RD: [reading] });
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const signature = createSign('sha256').update(payload).sign(privateKey);

async function told(SE) {
  const crypto = new Crypto();
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const key = await crypto.decodeEcPublicKey(new Uint8Array(spki), 'spki-der');
  const SD = signature.toString(SE);
  const text = `OCMF|${payload}|${JSON.stringify({ SA: 'ECDSA-secp256r1-SHA256', SE, SD })}`;
  try {
    return (await new Verifier(crypto).parseAndVerify(text, key)).verified;
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
}

(async () => {
  const hex = await told('hex');
  const base64 = await told('base64');
  console.log({ hex, base64 });
  process.exit(hex === true && base64 !== true ? 0 : 1);
})();
NODE
node run.cjs
