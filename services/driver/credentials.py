"""Password hashes and access tokens: the ports PasswordHasher and TokenSigner on argon2 and JWT."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import argon2
import jwt
import orjson

from services.chassis.auth import USER_ALGORITHM, USER_AUDIENCE, USER_ISSUER
from services.driver.domain.account import Account
from services.kernel.ids import new_id

_TOKEN_LIFETIME = timedelta(hours=1)


class Argon2Hasher:
    """Argon2id with the library's present recommendation, in threads. At most two at a time: each takes 64 MiB."""

    def __init__(self) -> None:
        self._argon2 = argon2.PasswordHasher()
        self._decoy = self._argon2.hash("a password that nobody has")
        self._slots = asyncio.Semaphore(2)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(self._argon2.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        async with self._slots:
            return await asyncio.to_thread(self._verify, password, password_hash)

    def _verify(self, password: str, password_hash: str | None) -> bool:
        try:
            # An unknown name takes as long as a wrong password, so that names cannot be told by the time they take.
            return self._argon2.verify(password_hash or self._decoy, password) and password_hash is not None
        except argon2.exceptions.VerificationError:
            return False


class JwtSigner:
    """Signs ES256 tokens. Raises OSError or ValueError when a file is missing or no key."""

    def __init__(self, private_key_file: Path, jwks_file: Path) -> None:
        self._private_key = private_key_file.read_text()
        self._jwks_file = jwks_file
        self._key_id = self.public_keys()[-1]["kid"]

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
        if account.driver_id is not None:
            claims["driver_id"] = account.driver_id
        token = jwt.encode(claims, self._private_key, algorithm=USER_ALGORITHM, headers={"kid": self._key_id})
        return token, int(_TOKEN_LIFETIME.total_seconds())

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        keys: Sequence[Mapping[str, str]] = orjson.loads(self._jwks_file.read_bytes())["keys"]
        return keys
