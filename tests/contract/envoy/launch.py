"""Starts Envoy on the product's configuration, before given upstreams or before nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack import config, envoy
from stack.keys import Keys
from stack.ports import LOOPBACK, free_port
from stack.topology import PORTS, Ports
from tests.contract.envoy.upstreams import Upstreams


@contextmanager
def running(folder: Path, keys: Keys, upstreams: Upstreams | None, **settings: str) -> Iterator[dict[str, int]]:
    """Envoy until the end of the block, with `settings` in place of what the stack fills in; yields its ports by name.

    `folder` gets its configuration and its log. Without upstreams nobody listens where they are expected.
    """
    numbers = _free_ports()
    if upstreams is not None:
        numbers |= {f"{name} process": port for name, port in upstreams.ports.items()}
        numbers["edge websocket"] = upstreams.websocket_port
    configuration = folder / "envoy.yaml"
    config.render(config.embedded_values(Ports(numbers), keys, LOOPBACK) | settings, configuration)
    child = envoy.start(
        configuration, admin_port=numbers["envoy admin"], log=folder / "envoy.log", secrets=keys.proxy_secrets
    )
    try:
        yield numbers
    finally:
        child.stop()


def _free_ports() -> dict[str, int]:
    """A port for every name that nobody listens on, all different."""
    ports: dict[str, int] = {}
    for name in PORTS:
        ports[name] = next(port for port in iter(free_port, 0) if port not in ports.values())
    return ports
