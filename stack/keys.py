"""The keys of one stack: the pair that signs user tokens, its public half as a JWKS, and the secret between services.

Made once and kept in one folder. Also mints user tokens for the command line. Verifies nothing.
"""

import base64
import getpass
import hashlib
import hmac
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stack import private_files
from stack.errors import StackError

ISSUER = "csms"
AUDIENCE = "csms-api"

_ALGORITHM = "ES256"
_COORDINATE_BYTES = 32


@dataclass(frozen=True)
class Keys:
    """Where the keys lie."""

    private_key_file: Path
    jwks_file: Path
    service_secret: str

    @property
    def proxy_secret(self) -> str:
        """By what Envoy proves to the edges that it is ours."""
        return hmac.new(self.service_secret.encode(), b"OCPP_PROXY_SECRET", "sha256").hexdigest()


def ensure(folder: Path) -> Keys:
    """The keys in `folder`, made when missing. The JWKS follows the private key, so the two always fit."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = _keys_in(folder)
    key = _private_key(private_files.secret(keys.private_key_file, _new_private_key), keys.private_key_file)
    jwks = json.dumps({"keys": [_public_jwk(key)]}, indent=1) + "\n"
    if not keys.jwks_file.exists() or keys.jwks_file.read_text(encoding="utf-8") != jwks:
        private_files.write(keys.jwks_file, jwks, mode=0o644)
    return keys


def mint(folder: Path, *, role: str, driver_id: str | None, ttl_seconds: int, subject: str | None = None) -> str:
    """A user token signed with the private key in `folder`; `subject` is the account it stands for.

    Raises StackError when there is no key, or when role and driver do not go together.
    """
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
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": _public_jwk(key)["kid"]})


def _keys_in(folder: Path) -> Keys:
    secret = private_files.secret(folder / "service-secret", lambda: secrets.token_urlsafe(48))
    return Keys(folder / "private-key.pem", folder / "jwks.json", secret)


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
    """The public half (RFC 7517); its id is the thumbprint of RFC 7638, so whoever holds the key knows the id."""
    numbers = key.public_key().public_numbers()
    essence = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    digest = hashlib.sha256(json.dumps(essence, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**essence, "kid": _base64url(digest), "use": "sig", "alg": _ALGORITHM}


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(_COORDINATE_BYTES, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
