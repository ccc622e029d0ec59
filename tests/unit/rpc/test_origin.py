"""services.rpc.origin"""

from typing import Any, cast

import grpc.aio
import pytest

from services.rpc.origin import ADDRESS_KEY, PROOF_KEY, TrustedProxy

pytestmark = pytest.mark.field_case("E5")

SECRET = "what only Envoy and this service know"


class Context:
    """What of a call tells from where it comes."""

    def __init__(self, peer: str = "ipv4:10.0.0.9:4711", **metadata: str) -> None:
        self._peer = peer
        self._metadata = tuple((key.replace("_", "-"), value) for key, value in metadata.items())

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata


def _address(context: Context, secret: str = SECRET) -> str:
    return TrustedProxy(secret).caller_address(cast(grpc.aio.ServicerContext[Any, Any], context))


def _reported(**metadata: str) -> Context:
    return Context(**{key.replace("-", "_"): value for key, value in metadata.items()})


def test_envoy_tells_who_calls() -> None:
    assert _address(_reported(**{ADDRESS_KEY: "192.0.2.1", PROOF_KEY: SECRET})) == "192.0.2.1"


@pytest.mark.parametrize(
    ("metadata", "secret"),
    [
        ({ADDRESS_KEY: "192.0.2.1"}, SECRET),
        ({ADDRESS_KEY: "192.0.2.1", PROOF_KEY: "guessed"}, SECRET),
        ({ADDRESS_KEY: "192.0.2.1", PROOF_KEY: ""}, ""),
        ({ADDRESS_KEY: "192.0.2.1", PROOF_KEY: SECRET}, ""),
        ({PROOF_KEY: SECRET}, SECRET),
        ({"x-forwarded-for": "192.0.2.1", "x-real-ip": "192.0.2.1"}, SECRET),
    ],
)
def test_nobody_else_is_believed(metadata: dict[str, str], secret: str) -> None:
    assert _address(_reported(**metadata), secret) == "10.0.0.9"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:50051", "127.0.0.1"),
        ("ipv6:%5B2001:db8::1%5D:50051", "2001:db8::1"),
        ("ipv6:[::1]:1", "::1"),
        ("unix:/run/socket", "unix:/run/socket"),
    ],
)
def test_the_other_end_of_the_connection_is_told_without_its_port(peer: str, address: str) -> None:
    assert _address(Context(peer)) == address
