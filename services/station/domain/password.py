"""Passwords of charge points: only a salted hash is kept, and a charge point may show one in several forms."""

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SALT_BYTES = 16
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A new password that waits for its first use. `source` is the command that sets it, empty for an operator."""

    source: str
    hash: bytes


def hashed(password: str) -> bytes:
    """What is stored of a new password."""
    return _hash(_canonical(password.encode()), os.urandom(_SALT_BYTES))


def matches(password: bytes, stored: bytes) -> bool:
    """Whether a password shown by a charge point is the one that `stored` was made of.

    Either may be bytes or their hexadecimal text (security whitepaper for OCPP 1.6, section 3.5). The time it takes
    tells nothing of what is stored.
    """
    salt = stored[:_SALT_BYTES]
    return any([hmac.compare_digest(_hash(form, salt), stored) for form in _forms(password)])


def _hash(password: bytes, salt: bytes) -> bytes:
    # Long random passwords need no slow hash, and one would cost dearly when all charge points reconnect at once.
    return salt + hashlib.blake2b(password, salt=salt, digest_size=32).digest()


def _forms(password: bytes) -> Iterator[bytes]:
    """What may have been stored of a password that is shown like this."""
    yield _canonical(password)
    yield password.hex().encode()
    if _HEX.fullmatch(password):
        yield bytes.fromhex(password.decode("ascii"))


def _canonical(password: bytes) -> bytes:
    return password.lower() if _HEX.fullmatch(password) else password
