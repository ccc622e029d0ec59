"""Starts Envoy on the product's configuration, before given upstreams or before nobody."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack import config, envoy
from stack.keys import Keys
from stack.ports import LOOPBACK, free_port
from stack.topology import PORTS, Ports
from tests.contract.envoy.upstreams import Upstreams

_HEALTHY_SECONDS = 30.0


@contextmanager
def running(folder: Path, keys: Keys, upstreams: Upstreams | None, **settings: str) -> Iterator[dict[str, int]]:
    """Envoy until the end of the block, with `settings` in place of what the stack fills in; yields its ports by name.

    `folder` gets its configuration and its log. Without upstreams nobody listens where they are expected; with them
    Envoy has found every one of them healthy: on a busy machine its first look may have come too late for the answer.
    """
    numbers = _free_ports()
    if upstreams is not None:
        numbers |= {f"{name} process": port for name, port in upstreams.ports.items()}
        numbers["edge websocket"] = upstreams.websocket_port
        numbers["station files"] = upstreams.files_port
    configuration = folder / "envoy.yaml"
    config.render(config.embedded_values(Ports(numbers), keys, LOOPBACK) | settings, configuration)
    child = envoy.start(
        configuration, admin_port=numbers["envoy admin"], log=folder / "envoy.log", secrets=keys.proxy_secrets
    )
    try:
        if upstreams is not None:
            _wait_until_healthy(numbers["envoy admin"])
        yield numbers
    finally:
        child.stop()


def _wait_until_healthy(admin_port: int) -> None:
    give_up_at = time.monotonic() + _HEALTHY_SECONDS
    while sick := _sick_clusters(admin_port):
        assert time.monotonic() < give_up_at, f"not healthy after {_HEALTHY_SECONDS:g} s: {', '.join(sick)}"
        time.sleep(0.05)


def _sick_clusters(admin_port: int) -> list[str]:
    """The clusters without a healthy host, by their names."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{admin_port}/clusters?format=json") as answer:
        clusters = json.load(answer)["cluster_statuses"]
    return [
        cluster["name"]
        for cluster in clusters
        if not any(_is_healthy(host["health_status"]) for host in cluster.get("host_statuses", ()))
    ]


def _is_healthy(status: dict[str, object]) -> bool:
    return not any(flag.startswith("failed") and held for flag, held in status.items())


def _free_ports() -> dict[str, int]:
    """A port for every name that nobody listens on, all different."""
    ports: dict[str, int] = {}
    for name in PORTS:
        ports[name] = next(port for port in iter(free_port, 0) if port not in ports.values())
    return ports
