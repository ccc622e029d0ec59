"""A gRPC service of one message behind Envoy's transcoder, for the findings named transcoder-*."""

import contextlib
import http.client
import importlib
import importlib.util
import pathlib
import socket
import subprocess
import sys
import time
from concurrent import futures

import grpc
import grpc_tools
from google.api import annotations_pb2
from grpc_tools import protoc

PROTO = """
syntax = "proto3";
package thing.v1;
import "google/api/annotations.proto";
service Things {
  rpc Get(Thing) returns (Thing) { option (google.api.http) = {get: "/things/{id}"}; }
  rpc Deep(Thing) returns (Thing) { option (google.api.http) = {get: "/deep/{id=**}"}; }
  rpc Post(Thing) returns (Thing) { option (google.api.http) = {post: "/things" body: "*"}; }
  rpc Watch(Thing) returns (stream Thing) { option (google.api.http) = {get: "/watch"}; }
}
enum Status { STATUS_UNSPECIFIED = 0; AVAILABLE = 1; CHARGING = 2; }
message Thing { string id = 1; repeated int32 watts = 2; Status status = 3; }
"""
CONFIG = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          http_filters:
          - name: transcoder
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder
              proto_descriptor: {folder}/thing.binpb
              services: [thing.v1.Things]
              convert_grpc_status: true
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, route: {{cluster: things}}}}]}}
  clusters:
  - name: things
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: things
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}
"""


@contextlib.contextmanager
def serve(folder, **methods):
    """Yields call(method, path, body=None) -> (status, content type, text). `methods` answer (request, context)."""
    folder = pathlib.Path(folder)
    (folder / "thing.proto").write_text(PROTO)
    roots = [
        folder,
        pathlib.Path(annotations_pb2.__file__).parents[2],
        pathlib.Path(grpc_tools.__file__).parent / "_proto",
    ]
    outputs = [f"--{kind}={folder}" for kind in ("python_out", "grpc_python_out")]
    descriptors = ["--include_imports", f"--descriptor_set_out={folder}/thing.binpb"]
    if protoc.main(["protoc", *(f"-I{root}" for root in roots), *outputs, *descriptors, "thing.proto"]):
        sys.exit(2)
    sys.path.insert(0, str(folder))
    stubs = importlib.import_module("thing_pb2_grpc")
    servicer = type("Servicer", (stubs.ThingsServicer,), {name: staticmethod(call) for name, call in methods.items()})
    server = grpc.server(futures.ThreadPoolExecutor(2))
    stubs.add_ThingsServicer_to_server(servicer(), server)
    upstream = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "envoy.yaml").write_text(CONFIG.format(port=port, upstream=upstream, folder=folder))
    binary = pathlib.Path(importlib.util.find_spec("envoy").origin).parent / "_bin" / "envoy"
    command = [binary, "-c", folder / "envoy.yaml", "--disable-hot-restart", "--log-level", "off"]
    envoy = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def call(method, path, body=None):
        for _ in range(100):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            except ConnectionRefusedError:
                time.sleep(0.1)
                continue
            response = connection.getresponse()
            answer = response.status, response.headers["content-type"], response.read().decode()
            print(method, path, body or "", "->", *answer)
            return answer
        sys.exit(2)

    try:
        yield call
    finally:
        envoy.terminate()
        envoy.wait()
        server.stop(None)
