"""The keys by which the services of one stack show themselves: a pair for each, made once, replaced on demand.

Private halves lie in one folder each, which its service alone is given; the public ones in one set that all read.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stack import private_files
from stack.errors import StackError
from stack.jwk import base64url, thumbprint
from stack.topology import EDGE, SERVICES

NAMES = (*SERVICES, EDGE)

_ALGORITHM = "EdDSA"
_Jwk = dict[str, str]


def private_key_file(folder: Path, name: str) -> Path:
    """Where the private key of a service lies: alone in its folder, so that the folder can be all that it is given."""
    return folder / "services" / name / "private-key.pem"


def jwks_file(folder: Path) -> Path:
    """Where the public keys of all services lie."""
    return folder / "service-jwks.json"


def ensure(folder: Path) -> None:
    """Make the keys in `folder` that are missing. The set follows the private keys; the one that a service had before
    stays in it, until the service gets another."""
    current = {name: _public_jwk(name, _private_key(private_key_file(folder, name))) for name in NAMES}
    _publish(folder, current, _published(folder))


def rotate(folder: Path, name: str, *, revoke: bool) -> None:
    """Give the service `name` a new key, which it uses from its next start.

    The one before stays good until the next rotation, or is good no more when `revoke`. Raises StackError when there is
    no such service or when it has no key yet.
    """
    if name not in NAMES:
        raise StackError(f"there is no service {name}; there are {', '.join(NAMES)}")
    file = private_key_file(folder, name)
    if not file.exists():
        raise StackError(f"there is no key at {file}; `csms up` makes one (CSMS_STATE_DIR names another state)")
    fresh = Ed25519PrivateKey.generate()
    older = [] if revoke else [_public_jwk(name, _private_key(file))]
    others = [jwk for jwk in _published(folder) if jwk["service"] != name]
    # Published first: whoever is shown the new key knows it.
    _write(folder, [*others, _public_jwk(name, fresh), *older])
    private_files.write(file, _pem(fresh))


def _publish(folder: Path, current: dict[str, _Jwk], published: list[_Jwk]) -> None:
    keys: list[_Jwk] = []
    for name, jwk in current.items():
        older = [each for each in published if each["service"] == name and each["kid"] != jwk["kid"]]
        keys += [jwk, *older[:1]]
    if sorted(keys, key=_id) != sorted(published, key=_id):
        _write(folder, keys)


def _id(jwk: _Jwk) -> str:
    return jwk["kid"]


def _published(folder: Path) -> list[_Jwk]:
    try:
        keys: list[_Jwk] = json.loads(jwks_file(folder).read_text(encoding="utf-8"))["keys"]
        return [jwk for jwk in keys if {"service", "kid"} <= jwk.keys()]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackError(f"{jwks_file(folder)} is no key set: {error!r}") from error


def _write(folder: Path, keys: Iterable[_Jwk]) -> None:
    private_files.write(jwks_file(folder), json.dumps({"keys": list(keys)}, indent=1) + "\n", mode=0o644)


def _private_key(file: Path) -> Ed25519PrivateKey:
    pem = private_files.secret(file, lambda: _pem(Ed25519PrivateKey.generate()))
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise StackError(f"{file} is not a private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StackError(f"{file} is not an Ed25519 key")
    return key


def _pem(key: Ed25519PrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode("ascii")


def _public_jwk(name: str, key: Ed25519PrivateKey) -> _Jwk:
    """The public half (RFC 8037), with the service it belongs to as a member of our own (RFC 7517 section 4)."""
    essence = {"crv": "Ed25519", "kty": "OKP", "x": base64url(key.public_key().public_bytes_raw())}
    return {**essence, "kid": thumbprint(essence), "use": "sig", "alg": _ALGORITHM, "service": name}
