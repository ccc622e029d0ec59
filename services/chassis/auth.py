"""Who is calling and what a role may do: verifies tokens, mints those that services show each other.

Does not know any RPC, and does not issue tokens to people.
"""

import fnmatch
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt

from services.kernel.errors import DomainError, ErrorKind

AUTHORIZATION_KEY = "authorization"

USER_ISSUER = "csms"
USER_AUDIENCE = "csms-api"
USER_ALGORITHM = "ES256"
INTERNAL_ISSUER = "csms-internal"
INTERNAL_ALGORITHM = "HS256"

ANONYMOUS_ROLE = "anonymous"
SERVICE_ROLE = "service"
DRIVER_ROLE = "driver"

# Patterns over `<domain>.<noun>.<verb>`; one that begins with "!" takes away what others give. `internal.` belongs to
# the platform's own processes, `accounts.` to those who may hand out roles.
PERMISSIONS_BY_ROLE: Mapping[str, tuple[str, ...]] = {
    "admin": ("*", "!internal.*"),
    "operator": ("*", "!accounts.*", "!internal.*"),
    "viewer": ("*.*.read", "!accounts.*", "!internal.*"),
    DRIVER_ROLE: (
        "drivers.drivers.read",
        "drivers.cards.read",
        "drivers.usage.read",
        "billing.sessions.read",
        "billing.invoices.read",
        "billing.tariffs.read",
        "billing.prices.read",
        "billing.payments.read",
        "billing.payments.write",
        "stations.stations.read",
        "stations.connectors.read",
    ),
    SERVICE_ROLE: ("*",),
}
USER_ROLES = frozenset(PERMISSIONS_BY_ROLE) - {SERVICE_ROLE}

_LEEWAY_SECONDS = 5
_CACHED_TOKENS = 10_000
_SERVICE_TOKEN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: the account (or `service:<name>`), its role, and for the role `driver` the driver it is."""

    subject: str
    role: str
    driver_id: str | None = None


ANONYMOUS = Caller("anonymous", ANONYMOUS_ROLE)

_caller: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)


def current_caller() -> Caller:
    """The caller of the RPC under way; ANONYMOUS in a public one and outside of any."""
    return _caller.get()


def set_caller(caller: Caller) -> None:
    """Make `caller` the one of the current task."""
    _caller.set(caller)


@lru_cache(maxsize=4096)
def allows(role: str, permission: str) -> bool:
    """Whether the role includes the permission. An unknown role and an empty permission include nothing."""
    patterns = PERMISSIONS_BY_ROLE.get(role, ())
    if not permission or any(_matches(permission, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_matches(permission, pattern) for pattern in patterns)


def _matches(permission: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(permission, pattern)


def service_token(name: str, secret: str) -> str:
    """The token by which the service `name` shows itself to others; minted anew every few minutes."""
    return _mint(name, secret, int(time.time()) // (_SERVICE_TOKEN_SECONDS // 2))


@lru_cache(maxsize=16)
def _mint(name: str, secret: str, period: int) -> str:
    issued = period * (_SERVICE_TOKEN_SECONDS // 2)
    claims = {
        "iss": INTERNAL_ISSUER,
        "sub": f"service:{name}",
        "role": SERVICE_ROLE,
        "iat": issued,
        "exp": issued + _SERVICE_TOKEN_SECONDS,
    }
    return jwt.encode(claims, secret, algorithm=INTERNAL_ALGORITHM)


class TokenVerifier:
    """Tells whose a token is. Tokens seen before are answered from memory until they expire.

    `jwks_file` holds the public keys of user tokens (RFC 7517) and is read again when a token names an unknown key;
    `service_secret` is shared by the platform's own processes. Raises OSError or ValueError when the file is no key
    set.
    """

    def __init__(self, jwks_file: Path, service_secret: str) -> None:
        self._jwks_file = jwks_file
        self._service_secret = service_secret
        self._seen: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._keys_changed = 0.0
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_keys()

    def verify(self, token: str) -> Caller:
        """The caller that `token` speaks for. Raises DomainError UNAUTHENTICATED."""
        seen = self._seen.get(token)
        if seen is not None:
            if time.time() < seen[1]:
                self._seen.move_to_end(token)
                return seen[0]
            del self._seen[token]
        try:
            claims = self._claims(token)
        except jwt.ExpiredSignatureError:
            raise unauthenticated("the token has expired") from None
        except jwt.PyJWTError:
            # The library's own words would tell a forger how far he got.
            raise unauthenticated("the token is not valid") from None
        caller = _caller_of(claims)
        self._seen[token] = caller, float(claims["exp"]) + _LEEWAY_SECONDS
        if len(self._seen) > _CACHED_TOKENS:
            self._seen.popitem(last=False)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        # The header only chooses which key has to fit: each key is bound to its one algorithm and issuer.
        header = jwt.get_unverified_header(token)
        if header.get("alg") == INTERNAL_ALGORITHM:
            return _decode(token, self._service_secret, INTERNAL_ALGORITHM, INTERNAL_ISSUER, None)
        return _decode(token, self._key(header.get("kid")), USER_ALGORITHM, USER_ISSUER, USER_AUDIENCE)

    def _key(self, key_id: object) -> jwt.PyJWK:
        if key_id not in self._keys and self._jwks_file.stat().st_mtime != self._keys_changed:
            self._read_keys()
            self._seen.clear()
        key = self._keys.get(str(key_id))
        if key is None:
            raise jwt.InvalidTokenError("unknown key")
        return key

    def _read_keys(self) -> None:
        changed = self._jwks_file.stat().st_mtime
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(self._jwks_file.read_bytes())).keys
        except (jwt.PyJWTError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self._jwks_file.name} is not a JSON Web Key Set: {error}") from None
        self._keys = {key.key_id: key for key in keys if key.key_id and key.algorithm_name == USER_ALGORITHM}
        self._keys_changed = changed


def unauthenticated(message: str) -> DomainError:
    """The failure of a call whose caller is not known."""
    return DomainError(ErrorKind.UNAUTHENTICATED, "UNAUTHENTICATED", message)


def _decode(token: str, key: jwt.PyJWK | str, algorithm: str, issuer: str, audience: str | None) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        issuer=issuer,
        audience=audience,
        leeway=_LEEWAY_SECONDS,
        options={"require": ["iss", "sub", "iat", "exp"]},
    )


def _caller_of(claims: Mapping[str, Any]) -> Caller:
    role, driver_id = claims.get("role"), claims.get("driver_id")
    possible = {SERVICE_ROLE} if claims["iss"] == INTERNAL_ISSUER else USER_ROLES
    if not isinstance(role, str) or role not in possible:
        raise unauthenticated("the token names no role of ours")
    if role != DRIVER_ROLE:
        return Caller(claims["sub"], role)
    if not isinstance(driver_id, str) or not driver_id:
        raise unauthenticated("the token names no driver")
    return Caller(claims["sub"], role, driver_id)
