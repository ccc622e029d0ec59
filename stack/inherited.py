"""What every Python process of the stack inherits: our environment, and where the checkout is."""

import os

from stack.ports import LOOPBACK
from stack.releases import PROJECT


def process_environment() -> dict[str, str]:
    """The environment of a child that needs nothing but the checkout."""
    return {
        **os.environ,
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
        # gRPC would send even loopback calls through a proxy named in the environment.
        "no_grpc_proxy": f"{LOOPBACK},localhost",
    }


def python_path() -> str:
    """The import roots of the checkout, for a child that may run without an installation."""
    return os.pathsep.join(filter(None, (str(PROJECT), str(PROJECT / "proto"), os.environ.get("PYTHONPATH"))))
