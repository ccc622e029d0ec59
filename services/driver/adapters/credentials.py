"""Password hashes and access tokens: the ports PasswordHasher and TokenSigner on argon2 and JWT."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import argon2
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from jwt.algorithms import ECAlgorithm

from services.driver.domain.identity.account import Account, name_key
from services.driver.domain.identity.sign_in import KNOWN
from services.kernel.ids import new_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.process.threads import ThreadQueue
from services.rpc.auth import USER_ALGORITHM, USER_AUDIENCE, USER_ISSUER
from services.rpc.server import ServerFailed

_TOKEN_LIFETIME = timedelta(hours=1)
# Of those that wait the last one waits for half a second or so.
_PLACES = 24
_ES256 = ECAlgorithm(ECAlgorithm.SHA256, SECP256R1)


class Argon2Hasher:
    """Argon2id in two threads of its own; few may wait for them.

    Two passes over 19 MiB, as OWASP's Password Storage Cheat Sheet advises: anybody may make the service check a
    password, so one must not cost it much more than that.
    """

    def __init__(self) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._decoy = self._argon2.hash("a password that nobody has")
        self._queue = ThreadQueue("argon2", threads=2, places=_PLACES, places_each=_PLACES // 2)

    async def hash(self, password: str, network: str) -> str:
        return await self._queue.run(network, partial(self._argon2.hash, password))

    async def matches(self, password: str, password_hash: str | None, network: str) -> bool:
        return await self._queue.run(network, partial(self._verify, password, password_hash))

    def _verify(self, password: str, password_hash: str | None) -> bool:
        try:
            # An unknown name takes as long as a wrong password, so that names cannot be told by the time they take.
            return self._argon2.verify(password_hash or self._decoy, password) and password_hash is not None
        except argon2.exceptions.VerificationError:
            return False


class JwtSigner:
    """Signs ES256 tokens. Raises ServerFailed when the files hold no pair of keys."""

    def __init__(self, private_key_file: Path, jwks_file: Path) -> None:
        self._jwks_file = jwks_file
        try:
            key = _ES256.prepare_key(private_key_file.read_bytes())
            place = _place(_ES256.to_jwk(key, as_dict=True))
            ids = [published["kid"] for published in self.public_keys() if _place(published) == place]
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise ServerFailed(f"JWT_PRIVATE_KEY_FILE, JWT_JWKS_FILE: no pair of keys: {error}") from None
        if not ids or not isinstance(key, EllipticCurvePrivateKey):
            raise ServerFailed("JWT_PRIVATE_KEY_FILE holds the private half of no key in JWT_JWKS_FILE")
        self._private_key, self._key_id = key, ids[0]

    def sign(self, account: Account, now: datetime) -> tuple[str, int]:
        claims = {
            "iss": USER_ISSUER,
            "aud": USER_AUDIENCE,
            "sub": account.name,
            "role": account.role.lower(),
            "iat": now,
            "exp": now + _TOKEN_LIFETIME,
            "jti": new_id(),
        }
        if account.tenant_id != DEFAULT_TENANT:
            claims["tenant"] = account.tenant_id
        if account.driver_id is not None:
            claims["driver_id"] = account.driver_id
        token = jwt.encode(claims, self._private_key, algorithm=USER_ALGORITHM, headers={"kid": self._key_id})
        return token, int(_TOKEN_LIFETIME.total_seconds())

    def token_id(self, token: str, name: str, now: datetime) -> str:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            [published] = [key for key in self.public_keys() if key["kid"] == key_id]
            claims = jwt.decode(
                token,
                jwt.PyJWK.from_dict(dict(published)),
                algorithms=[USER_ALGORITHM],
                issuer=USER_ISSUER,
                audience=USER_AUDIENCE,
                options={"require": ["sub", "iat", "jti"], "verify_exp": False},
            )
        except (jwt.PyJWTError, ValueError):
            return ""
        is_its = name_key(claims["sub"]) == name_key(name)
        return str(claims["jti"]) if is_its and claims["iat"] > (now - KNOWN).timestamp() else ""

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        keys: Sequence[Mapping[str, str]] = orjson.loads(self._jwks_file.read_bytes())["keys"]
        return keys


def _place(key: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The point on the curve that a JSON Web Key stands for."""
    return key.get("x"), key.get("y")
