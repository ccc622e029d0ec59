#!/bin/sh
# Makes what the containers need before they start, once: the signing keys, in a volume that only the driver service
# mounts besides; and for everybody to read the public keys, the descriptor set and Envoy's configuration.
set -eu
private=${CSMS_STATE_DIR:?}
public=${1:?usage: prepare.sh FOLDER_FOR_EVERYBODY}

# Without JWT_JWKS_FILE it makes the keys, when there are none yet.
csms render-envoy --output "$public/envoy.yaml"
cp "$private/keys/jwks.json" "$public/jwks.json"
cp /app/proto/csms.binpb "$public/csms.binpb"
chmod 644 "$public/jwks.json" "$public/csms.binpb"

export JWT_JWKS_FILE="$public/jwks.json" CSMS_DESCRIPTOR_SET="$public/csms.binpb"
csms render-envoy --output "$public/envoy.yaml"
