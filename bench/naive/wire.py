"""How the two processes of the naive server talk: unary gRPC calls with JSON in them, a method per OCPP action."""

import json
from typing import Any

SERVICE = "naive.CentralSystem"
Message = dict[str, Any]


def method(name: str) -> str:
    """The full name of a method."""
    return f"/{SERVICE}/{name}"


def dump(message: Message) -> bytes:
    """A message as bytes."""
    return json.dumps(message).encode()


def parse(data: bytes) -> Message:
    """Bytes as a message."""
    message: Message = json.loads(data)
    return message
