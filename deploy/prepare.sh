#!/bin/sh
# Makes what the containers need before they start: the signing key, in CSMS_STATE_DIR, which only the driver service
# sees besides, and the key of each service below it, where the volume is mounted that this service alone sees besides;
# in the folder that everybody sees the public keys, the descriptor set and Envoy's configuration.
# Run again, it keeps the keys and renews the rest.
set -eu
private=${CSMS_STATE_DIR:?}
public=${1:?usage: prepare.sh FOLDER_FOR_EVERYBODY}
cd "$(dirname "$0")/.."

# Without JWT_JWKS_FILE it makes the keys when there are none yet.
python -m stack.cli render-envoy --output "$public/envoy.yaml"
# In one step each: the services read the keys again whenever they change.
for file in "$private/keys/jwks.json" "$private/keys/service-jwks.json" proto/csms.uncommented.binpb; do
    name=$(basename "$file")
    cp "$file" "$public/.$name"
    chmod 644 "$public/.$name"
    mv "$public/.$name" "$public/$name"
done

export JWT_JWKS_FILE="$public/jwks.json" CSMS_DESCRIPTOR_SET="$public/csms.uncommented.binpb"
python -m stack.cli render-envoy --output "$public/envoy.yaml"
