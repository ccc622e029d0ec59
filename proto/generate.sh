#!/bin/sh
# Generates a client of the contracts:  sh proto/generate.sh python|go|typescript|java DIRECTORY
# Everything that is generated lies in DIRECTORY afterwards. Needs python3 and the tools of the language itself (go, npm
# or mvn), which fetch what they lack from their own registry once, and nothing from the registry of buf.
# examples/clients shows how each result is used.
set -eu

fail() { echo "generate.sh: $1" >&2; exit 2; }
[ $# -eq 2 ] || fail "usage: generate.sh python|go|typescript|java DIRECTORY"
language=$1
case $language in
  python | go | typescript | java) ;;
  *) fail "there is no way to generate $language; known are python, go, typescript and java" ;;
esac
proto=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
target=$(cd "$2" && pwd)
protos() { (cd "$proto" && find csms -name '*.proto' | sort); }

# The folder of programs that has $1, a tool from the Python package $2: this checkout's, or one that is made for it.
tools() {
  if [ -x "$proto/../.venv/bin/$1" ]; then
    echo "$proto/../.venv/bin"
    return
  fi
  [ -x "$target/.tools/bin/python" ] || python3 -m venv "$target/.tools" >&2
  "$target/.tools/bin/python" -m pip install --quiet --disable-pip-version-check "$2" >&2
  echo "$target/.tools/bin"
}

python() {
  # shellcheck disable=SC2046 # names of contracts hold no spaces
  (cd "$proto" && "$(tools python 'grpcio-tools>=1.80')/python" -m grpc_tools.protoc -I . -I third_party --python_out="$target" --pyi_out="$target" \
    --grpc_python_out="$target" $(protos) buf/validate/validate.proto)
}

go() {
  # The options that say how long texts and how great numbers may be (buf/validate/validate.proto).
  bounds=buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go@v1.36.12-20260825204119-511051f7f437.2
  cat >"$target/.buf.gen.yaml" <<EOF
version: v2
inputs: [{directory: $proto, paths: [$proto/csms]}]
plugins:
- {local: [go, run, google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12], out: $target, opt: paths=source_relative}
- {local: [go, run, google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2], out: $target, opt: paths=source_relative}
EOF
  if command -v buf >/dev/null; then buf=buf; else buf=$(tools buf buf-bin)/buf; fi
  (cd "$target" && "$buf" generate --template .buf.gen.yaml)
  # The packages call each other `csms/...`: who uses them says `replace csms => DIRECTORY/csms`.
  (cd "$target/csms" && [ -f go.mod ] || command go mod init csms)
  (cd "$target/csms" && command go get google.golang.org/grpc@v1.85.0 google.golang.org/protobuf@v1.36.12 \
    "$bounds" && command go mod tidy)
}

typescript() {
  cat >"$target/.buf.gen.yaml" <<EOF
version: v2
inputs: [{directory: $proto}]
plugins:
- {local: [npx, --yes, --package=@bufbuild/protoc-gen-es@2.17.0, protoc-gen-es], out: $target, opt: [target=ts, import_extension=js]}
EOF
  (cd "$target" && npx --yes --package=@bufbuild/buf@1.75.0 buf generate --template .buf.gen.yaml)
}

java() {
  mvn --quiet --batch-mode -f "$proto/generate-java.pom.xml" -Dproto="$proto" -Dtarget="$target" generate-sources
}

"$language"
