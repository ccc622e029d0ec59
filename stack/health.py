"""Asks the public ports for `GET /health`, as any caller would. Starts and changes nothing."""

import http.client
import json
from dataclasses import dataclass

from stack.ports import LOOPBACK
from stack.topology import PUBLIC_PORTS, Ports

_ANSWER_SECONDS = 3.0
_EVERY_ADDRESS = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class Health:
    """The answer of one public port. `name` is that of the port, `message` one line for people."""

    name: str
    port: int
    serving: bool
    message: str


def ask(ports: Ports, public_host: str) -> list[Health]:
    """The health behind each public port, in the order of the ports."""
    host = reachable(public_host)
    return [_ask_one(name, host, ports[name]) for name in PUBLIC_PORTS]


def reachable(public_host: str) -> str:
    """An address of this machine under which something that listens on `public_host` is found."""
    return LOOPBACK if public_host in _EVERY_ADDRESS else public_host


def _ask_one(name: str, host: str, port: int) -> Health:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        said = f"HTTP {answer.status}: {_message(answer.read())}"
        return Health(name, port, answer.status == http.HTTPStatus.OK, said)
    except (OSError, http.client.HTTPException) as error:
        return Health(name, port, False, f"no answer ({error})")
    finally:
        connection.close()


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:200].strip() or "no message"
