#!/bin/sh
# Makes what the containers need before they start: the signing keys, in CSMS_STATE_DIR, which only the driver service
# sees besides; and in the folder that everybody sees the public keys, the descriptor set and Envoy's configuration.
# Run again, it keeps the keys and renews the rest.
set -eu
private=${CSMS_STATE_DIR:?}
public=${1:?usage: prepare.sh FOLDER_FOR_EVERYBODY}
cd "$(dirname "$0")/.."

# Without JWT_JWKS_FILE it makes the keys when there are none yet.
python -m stack.cli render-envoy --output "$public/envoy.yaml"
cp "$private/keys/jwks.json" proto/csms.binpb "$public/"
chmod 644 "$public/jwks.json" "$public/csms.binpb"

export JWT_JWKS_FILE="$public/jwks.json" CSMS_DESCRIPTOR_SET="$public/csms.binpb"
python -m stack.cli render-envoy --output "$public/envoy.yaml"
