"""Passwords of charge points: only a salted hash is kept, and a charge point may show one in several forms."""

import hashlib
import hmac
import os
from collections.abc import Iterator

_SALT_BYTES = 16


def hashed(password: str) -> bytes:
    """What is stored of a new password."""
    return _hash(password.encode(), os.urandom(_SALT_BYTES))


def matches(password: bytes, stored: bytes) -> bool:
    """Whether a password shown by a charge point is the one that `stored` was made of; takes the same time for both.

    Either may be bytes or their hexadecimal text (security whitepaper for OCPP 1.6, section 3.5).
    """
    salt = stored[:_SALT_BYTES]
    # All forms are tried, so that the time tells nothing of which one fits.
    return any([hmac.compare_digest(_hash(form, salt), stored) for form in _forms(password)])


def _hash(password: bytes, salt: bytes) -> bytes:
    # Long random passwords need no slow hash, and one would cost dearly when all charge points reconnect at once.
    return salt + hashlib.blake2b(password, salt=salt, digest_size=32).digest()


def _forms(password: bytes) -> Iterator[bytes]:
    yield password
    yield password.hex().encode()
    yield password.hex().upper().encode()
    try:
        yield bytes.fromhex(password.decode("ascii"))
    except ValueError:
        return
    yield password.lower()
    yield password.upper()
