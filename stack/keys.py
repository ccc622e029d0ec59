"""The keys of one stack: the pair that signs user tokens, its public half as a JWKS, those of the services, and the
secrets by which Envoy is known.

Made once and kept in one folder. Also mints user tokens for the command line. Verifies nothing.
"""

import getpass
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.kernel.tenancy import is_tenant_id
from stack import private_files, service_keys
from stack.errors import StackError
from stack.jwk import base64url, thumbprint

ISSUER = "csms"
AUDIENCE = "csms-api"

_ALGORITHM = "ES256"
_PROXY_SECRETS = ("proxy-secret", "api-proxy-secret")
_COORDINATE_BYTES = 32


@dataclass(frozen=True)
class Keys:
    """Where the keys lie, and by what Envoy proves that it is ours: to the edges, and to who lets people sign in."""

    folder: Path
    proxy_secret: str
    api_proxy_secret: str

    @property
    def proxy_secrets(self) -> dict[str, str]:
        """The variables by which Envoy is given these secrets."""
        return {"OCPP_PROXY_SECRET": self.proxy_secret, "API_PROXY_SECRET": self.api_proxy_secret}

    @property
    def private_key_file(self) -> Path:
        """The key that signs user tokens."""
        return self.folder / "private-key.pem"

    @property
    def jwks_file(self) -> Path:
        """The keys that verify user tokens."""
        return self.folder / "jwks.json"

    @property
    def service_jwks_file(self) -> Path:
        """The keys that verify what services show each other."""
        return service_keys.jwks_file(self.folder)

    def service_private_key_file(self, name: str) -> Path:
        """The key by which the service `name` shows itself."""
        return service_keys.private_key_file(self.folder, name)


def ensure(folder: Path) -> Keys:
    """The keys in `folder`, made when missing. The JWKS follows the private key, so the two always fit."""
    folder.mkdir(parents=True, exist_ok=True)
    service_keys.ensure(folder)
    keys = Keys(folder, *(private_files.secret(folder / name, _new_secret) for name in _PROXY_SECRETS))
    key = _private_key(private_files.secret(keys.private_key_file, _new_private_key), keys.private_key_file)
    jwks = json.dumps({"keys": [_public_jwk(key)]}, indent=1) + "\n"
    if not keys.jwks_file.exists() or keys.jwks_file.read_text(encoding="utf-8") != jwks:
        private_files.write(keys.jwks_file, jwks, mode=0o644)
    return keys


def mint(
    folder: Path,
    *,
    role: str,
    driver_id: str | None,
    ttl_seconds: int,
    subject: str | None = None,
    tenant_id: str | None = None,
) -> str:
    """A user token signed with the private key in `folder`; `subject` is the account it stands for.

    Without `tenant_id` it is one of the default tenant. Raises StackError when there is no key, when role and driver do
    not go together, or when no tenant may be called so.
    """
    if tenant_id is not None and not is_tenant_id(tenant_id):
        raise StackError(f"--tenant: {tenant_id!r} is no id of a tenant (1 to 40 of a-z, 0-9 and -)")
    if (role == "driver") != (driver_id is not None):
        raise StackError("--driver goes with --role driver, and only with it")
    file = folder / "private-key.pem"
    if not file.exists():
        raise StackError(f"there is no signing key at {file}; `csms up` makes one (CSMS_STATE_DIR names another state)")
    key = _private_key(file.read_text(encoding="utf-8"), file)
    now = int(time.time())
    claims: dict[str, str | int] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject or f"cli:{getpass.getuser()}",
        "role": role,
        "iat": now,
        "exp": now + ttl_seconds,
        "jti": str(uuid.uuid4()),
    }
    if driver_id is not None:
        claims["driver_id"] = driver_id
    if tenant_id is not None:
        claims["tenant"] = tenant_id
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": _public_jwk(key)["kid"]})


def _new_secret() -> str:
    return secrets.token_urlsafe(48)


def _new_private_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode("ascii")


def _private_key(pem: str, file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise StackError(f"{file} is not a private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StackError(f"{file} is not an {_ALGORITHM} key")
    return key


def _public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """The public half (RFC 7517)."""
    numbers = key.public_key().public_numbers()
    essence = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    return {**essence, "kid": thumbprint(essence), "use": "sig", "alg": _ALGORITHM}


def _coordinate(number: int) -> str:
    return base64url(number.to_bytes(_COORDINATE_BYTES, "big"))
