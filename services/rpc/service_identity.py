"""How a process shows the others which service it is: tokens signed with the key of the service, one for each callee.

Verifies nothing; `auth` does.
"""

import hmac
import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from services.process.settings import ServiceSettings
from services.rpc.auth import (
    INTERNAL_ALGORITHM,
    INTERNAL_ISSUER,
    SERVICE_TOKEN_SECONDS,
    internal_audience,
    service_subject,
)
from services.rpc.server import ServerFailed

_EDDSA = OKPAlgorithm()
# Minted anew in the middle of its life: one that was just shown is good for as long as any call takes.
_RENEWAL_SECONDS = SERVICE_TOKEN_SECONDS // 2


class ServiceIdentity:
    """The service `name`, by its private key. Raises ServerFailed when that is none of the keys published for it."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        try:
            key = _EDDSA.prepare_key(settings.service_private_key_file.read_bytes())
            if not isinstance(key, Ed25519PrivateKey):
                raise ValueError("it holds no private Ed25519 key")
            self._key_id = _key_id(name, key, settings.service_jwks_file)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise ServerFailed(f"SERVICE_PRIVATE_KEY_FILE, SERVICE_JWKS_FILE: {error}") from None
        self._private_key = key
        self._minted: dict[str, tuple[int, str]] = {}

    def token_for(self, callee: str) -> str:
        """The token to show to the service `callee`, at which alone it is good."""
        period = int(time.time()) // _RENEWAL_SECONDS
        known = self._minted.get(callee)
        if known is None or known[0] != period:
            known = self._minted[callee] = period, self._mint(callee, period * _RENEWAL_SECONDS)
        return known[1]

    def secret_for(self, purpose: str) -> str:
        """A secret that all replicas of this service have and nobody else, for one purpose. A new key makes another."""
        return hmac.new(self._private_key.private_bytes_raw(), purpose.encode(), "sha256").hexdigest()

    def _mint(self, callee: str, issued: int) -> str:
        claims = {
            "iss": INTERNAL_ISSUER,
            "sub": service_subject(self.name),
            "aud": internal_audience(callee),
            "iat": issued,
            "exp": issued + SERVICE_TOKEN_SECONDS,
        }
        return jwt.encode(claims, self._private_key, algorithm=INTERNAL_ALGORITHM, headers={"kid": self._key_id})


def _key_id(name: str, key: Ed25519PrivateKey, jwks_file: Path) -> str:
    """Under which id the public half of `key` is published for the service. Raises ValueError when it is not."""
    point = _EDDSA.to_jwk(key.public_key(), as_dict=True)["x"]
    for published in json.loads(jwks_file.read_bytes())["keys"]:
        if published.get("x") == point and published.get("service") == name:
            return str(published["kid"])
    raise ValueError(f"the private key is that of no published key of the service {name}")
