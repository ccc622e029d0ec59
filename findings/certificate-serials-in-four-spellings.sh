#!/usr/bin/env bash
# OCPP 2.0.1 names a certificate by the hash of its issuer and its serial number in hex, without leading zeros.
# Libraries write that number in four ways: abc (cryptography), 0abc (@peculiar/x509), 0ABC (Node, openssl) and, with
# the zero that DER puts before a high bit, 00ff01 (jsrsasign).
# Seen with cryptography 46.0.3, @peculiar/x509 2.2.0, jsrsasign 11.1.5 and the crypto module of Node.
# Why it matters: DeleteCertificate and the check of contract certificates compare these texts. One of sixteen
# certificates begins with a zero digit, half of the others with a high bit: deleting "works" in tests and says NotFound
# in the field. Compare numbers.
# The guess was: hex of one number is one text, but for its case.
# Exits 0 when the spellings differ, 1 when they agree, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip --quiet install cryptography==46.0.3 || exit 2
npm install --silent --no-audit --no-fund @peculiar/x509@2.2.0 jsrsasign@11.1.5 reflect-metadata@0.2.2 \
  >/dev/null || exit 2
venv/bin/python - >certificates.json <<'PYTHON'
import datetime
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")])
start, end = datetime.datetime(2026, 1, 1), datetime.datetime(2036, 1, 1)
made = []
for serial in (0xABC, 0xFF01):
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, start, end)
    certificate = builder.sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    made.append({"pem": pem, "cryptography": f"{certificate.serial_number:x}"})
print(json.dumps(made))
PYTHON
cat >run.cjs <<'NODE'
require('reflect-metadata');
const { X509Certificate: Native } = require('node:crypto');
const { X509Certificate } = require('@peculiar/x509');
const { X509 } = require('jsrsasign');

const rows = require('./certificates.json').map(({ pem, cryptography }) => {
  const old = new X509();
  old.readCertPEM(pem);
  const node = new Native(pem).serialNumber;
  return { cryptography, peculiar: new X509Certificate(pem).serialNumber, node, jsrsasign: old.getSerialNumberHex() };
});
console.table(rows);
const [zero, high] = rows.map((row) => Object.values(row).map((text) => text.toLowerCase()));
process.exit(new Set(zero).size > 1 && new Set(high).size > 1 ? 0 : 1);
NODE
node run.cjs
