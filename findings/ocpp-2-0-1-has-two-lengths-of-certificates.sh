#!/usr/bin/env bash
# exiResponse brings the contract certificate of plug and charge to the station. The first schemas of OCPP 2.0.1 allow
# 5,600 characters of it, later ones 7,500: both are "the" schemas of 2.0.1, and an answer of 6,000 characters is valid
# in the Python ocpp library and invalid in ocpp-rpc and typed-ocpp for Node. All other 127 messages agree.
# Seen with ocpp 2.1.0, ocpp-rpc 2.2.1 and typed-ocpp 1.6.2.
# Why it matters: long chains of certificates are what the number was raised for. The answer of a CSMS is checked by the
# schema of the station: with an old copy the car gets no contract, for a reason that neither log names. Take 7,500.
# The guess was: one version, one set of schemas.
# Exits 0 when the limits differ, 1 when they agree, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip --quiet install ocpp==2.1.0 || exit 2
npm install --silent --no-audit --no-fund ocpp-rpc@2.2.1 typed-ocpp@1.6.2 >/dev/null || exit 2
cat >judge.py <<'PYTHON'
import asyncio
import sys

from ocpp.exceptions import OCPPError
from ocpp.messages import CallResult, validate_payload

answer = CallResult("1", {"status": "Accepted", "exiResponse": "A" * int(sys.argv[1])}, "Get15118EVCertificate")
try:
    asyncio.run(validate_payload(answer, "2.0.1"))
    print("ocpp valid")
except OCPPError as error:
    print("ocpp", type(error).__name__)
PYTHON
cat >judge.mjs <<'NODE'
import { createRequire } from 'node:module';
import { OCPP20 } from 'typed-ocpp';

const validators = createRequire(import.meta.url)('ocpp-rpc/lib/standard-validators.js');
const ocpp201 = validators.find((validator) => validator.subprotocol === 'ocpp2.0.1');
const answer = { status: 'Accepted', exiResponse: 'A'.repeat(Number(process.argv[2])) };
try {
  ocpp201.validate('urn:Get15118EVCertificate.conf', answer);
  console.log('ocpp-rpc valid');
} catch (error) {
  console.log('ocpp-rpc', error.rpcErrorCode);
}
const request = { iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef', action: 'Install', exiRequest: 'A' };
const isValid = OCPP20.checkCallResult([3, '1', answer], [2, '1', 'Get15118EVCertificate', request]);
console.log('typed-ocpp', isValid ? 'valid' : OCPP20.checkCallResult.errors.join());
NODE
for length in 5600 6000 7500; do
  verdicts=$(venv/bin/python judge.py "$length" && node judge.mjs "$length")
  echo "$length characters:" $verdicts
  case "$length: $(grep -c ' valid' <<<"$verdicts")" in
    '5600: 3' | '6000: 1' | '7500: 1') ;;
    *) exit 1 ;;
  esac
done
