#!/usr/bin/env bash
# Meters that sign with brainpoolP256r1 name it ECDSA-brainpool256r1-SHA256, as the list of the format has it. pyocmf
# knows that name, and then finds that the curve of the key is called brainpoolP256r1 and refuses every such record as a
# mismatch.
# Seen with pyocmf 0.6.0: secp256r1 verifies, brainpool256r1 raises for a valid signature; of brainpool384r1 it cannot
# read the key.
# Why it matters: a check that raises looks like forged evidence. Meters with brainpool keys are in use in Germany; know
# which algorithms your fleet signs with before you trust "does not verify".
# The guess was: every algorithm of the list of the format verifies.
# Exits 0 when brainpool records raise, 1 when they verify, 2 when a package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install pyocmf==0.6.0 cryptography==46.0.3 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyocmf import OCMF, PyOCMFError

READING = {"TM": "2026-07-24T13:22:04,000+0200 S", "TX": "B", "RV": 2935.6, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
PAYLOAD = json.dumps({"FV": "1.0", "PG": "T1", "MS": "S1", "IS": False, "IT": "NONE", "RD": [READING]})


def told(name, curve):
    key = ec.generate_private_key(curve)
    encoding, shape = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(encoding, shape).hex()
    signature = key.sign(PAYLOAD.encode(), ec.ECDSA(hashes.SHA256())).hex()
    text = f"OCMF|{PAYLOAD}|" + json.dumps({"SA": f"ECDSA-{name}-SHA256", "SD": signature})
    try:
        return OCMF.from_string(text).verify_signature(public)
    except PyOCMFError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


results = {
    name: told(name, curve)
    for name, curve in (
        ("secp256r1", ec.SECP256R1()),
        ("brainpool256r1", ec.BrainpoolP256R1()),
        ("brainpool384r1", ec.BrainpoolP384R1()),
    )
}
for name, result in results.items():
    print(name, result)
sys.exit(0 if results["secp256r1"] is True and "mismatch" in str(results["brainpool256r1"]) else 1)
PYTHON
