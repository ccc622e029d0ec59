#!/usr/bin/env bash
# On PyPI "ocpi-tariffs" calls itself a calculation engine for OCPI 2.2.1 tariffs. Its wheel holds no module: it
# installs, and there is nothing to import but an empty folder.
# Seen with ocpi-tariffs 0.1.0 of PyPI (the crate of the same name for Rust is another work, and calculates).
# Why it matters: a second opinion on prices is worth having in a CSMS; this name does not give one, and a dependency
# check that looks at "installed" passes.
# The guess was: it prices a CDR.
# Exits 0 when the package is empty, 1 when it has a module, 2 when it cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install ocpi-tariffs==0.1.0 || exit 2
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

files = [str(file) for file in importlib.metadata.files("ocpi-tariffs")]
own = [file for file in files if ".dist-info/" not in file]
print("summary:", importlib.metadata.metadata("ocpi-tariffs")["Summary"])
print("installed beside its metadata:", own)
sys.exit(1 if any(file.endswith((".py", ".so")) for file in own) else 0)
PYTHON
