"""Who is calling and what a role may do: verifies the tokens of people and those that services show each other.

Does not know any RPC, and issues no tokens; `service_identity` makes those of services.
"""

import fnmatch
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
from services.kernel.tenancy import DEFAULT_TENANT, is_tenant_id
from services.rpc.key_sets import KeySet

AUTHORIZATION_KEY = "authorization"

USER_ISSUER = "csms"
USER_AUDIENCE = "csms-api"
USER_ALGORITHM = "ES256"
INTERNAL_ISSUER = "csms-internal"
INTERNAL_ALGORITHM = "EdDSA"
SERVICE_TOKEN_SECONDS = 300

ANONYMOUS_ROLE = "anonymous"
SERVICE_ROLE = "service"
DRIVER_ROLE = "driver"

# Patterns over `<domain>.<noun>.<verb>`; one that begins with "!" takes away what others give. `internal.` belongs to
# the platform's own processes, `accounts.` to those who may hand out roles. A service holds no permission: what it may
# call is said by the contracts, RPC by RPC (AccessRule.internal_callers).
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
}
USER_ROLES = frozenset(PERMISSIONS_BY_ROLE)

_LEEWAY_SECONDS = 5
_CACHED_TOKENS = 10_000
_SERVICE_SUBJECT_PREFIX = "service:"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: the account (or `service:<name>`) and its role; for the role `driver` the driver it is, for the
    role `service` the name of the service. A service belongs to no tenant; everybody else belongs to one."""

    subject: str
    role: str
    driver_id: str | None = None
    service: str | None = None
    tenant_id: str = DEFAULT_TENANT

    @property
    def name(self) -> str:
        """What tells it from all other callers: two tenants may know the same subject."""
        return self.subject if self.tenant_id == DEFAULT_TENANT else f"{self.tenant_id}/{self.subject}"


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


def service_subject(name: str) -> str:
    """The subject of the tokens of the service `name`."""
    return f"{_SERVICE_SUBJECT_PREFIX}{name}"


def internal_audience(callee: str) -> str:
    """The audience of the tokens that services show to the service `callee`."""
    return f"{INTERNAL_ISSUER}/{callee}"


class TokenVerifier:
    """Tells whose a token is, for the service `name`. Tokens seen before are answered from memory until they expire.

    `jwks_file` holds the public keys of user tokens, `service_jwks_file` those of the platform's services; both are
    read again when they change. Raises OSError or ValueError when one is no key set.
    """

    def __init__(self, name: str, jwks_file: Path, service_jwks_file: Path) -> None:
        self._audience = internal_audience(name)
        self._seen: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._user_keys = KeySet(jwks_file, USER_ALGORITHM)
        self._service_keys = KeySet(service_jwks_file, INTERNAL_ALGORITHM)

    def verify(self, token: str) -> Caller:
        """The caller that `token` speaks for. Raises DomainError UNAUTHENTICATED."""
        seen = self._seen.get(token)
        if seen is not None:
            if time.time() < seen[1]:
                self._seen.move_to_end(token)
                return seen[0]
            del self._seen[token]
        self._forget_withdrawn()
        try:
            caller, expiry = self._verified(token)
        except jwt.ExpiredSignatureError:
            raise unauthenticated("the token has expired") from None
        except jwt.PyJWTError:
            # The library's own words would tell forgers how far they got.
            raise unauthenticated("the token is not valid") from None
        self._seen[token] = caller, expiry + _LEEWAY_SECONDS
        if len(self._seen) > _CACHED_TOKENS:
            self._seen.popitem(last=False)
        return caller

    def _forget_withdrawn(self) -> None:
        """Tokens of keys that are no longer published are not good from memory either."""
        changed = [keys.renew() for keys in (self._user_keys, self._service_keys)]
        if any(changed):
            self._seen.clear()

    def _verified(self, token: str) -> tuple[Caller, float]:
        """The caller and when the token expires. The header only chooses which key has to fit: each key is bound to its
        one algorithm, issuer and audience."""
        header = jwt.get_unverified_header(token)
        is_internal = header.get("alg") == INTERNAL_ALGORITHM
        published = (self._service_keys if is_internal else self._user_keys).find(header.get("kid"))
        if published is None:
            raise jwt.InvalidTokenError("unknown key")
        if is_internal:
            claims = _decode(token, published.key, INTERNAL_ALGORITHM, INTERNAL_ISSUER, self._audience)
            return _service_of(claims, published.service), float(claims["exp"])
        claims = _decode(token, published.key, USER_ALGORITHM, USER_ISSUER, USER_AUDIENCE)
        return _user_of(claims), float(claims["exp"])


def unauthenticated(message: str) -> DomainError:
    """The failure of a call whose caller is not known."""
    return DomainError(ErrorKind.UNAUTHENTICATED, "UNAUTHENTICATED", message)


def _decode(token: str, key: jwt.PyJWK, algorithm: str, issuer: str, audience: str) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        issuer=issuer,
        audience=audience,
        leeway=_LEEWAY_SECONDS,
        options={"require": ["iss", "sub", "aud", "iat", "exp"]},
    )


def _service_of(claims: Mapping[str, Any], service: str) -> Caller:
    """The service whose key has signed the claims, if they speak of it and for no longer than such tokens may."""
    if not service or claims["sub"] != service_subject(service):
        raise jwt.InvalidTokenError("the key of another service")
    if float(claims["exp"]) - float(claims["iat"]) > SERVICE_TOKEN_SECONDS:
        raise jwt.InvalidTokenError("good for too long")
    return Caller(claims["sub"], SERVICE_ROLE, service=service)


def _user_of(claims: Mapping[str, Any]) -> Caller:
    role, driver_id = claims.get("role"), claims.get("driver_id")
    tenant_id = claims.get("tenant", DEFAULT_TENANT)
    if not isinstance(role, str) or role not in USER_ROLES:
        raise unauthenticated("the token names no role of ours")
    if not isinstance(tenant_id, str) or not is_tenant_id(tenant_id):
        raise unauthenticated("the token names a tenant that cannot be")
    if role != DRIVER_ROLE:
        return Caller(claims["sub"], role, tenant_id=tenant_id)
    if not isinstance(driver_id, str) or not driver_id:
        raise unauthenticated("the token names no driver")
    return Caller(claims["sub"], role, driver_id, tenant_id=tenant_id)
