"""How keys are written down as JSON Web Keys, and what they are called."""

import base64
import hashlib
import json
from collections.abc import Mapping


def base64url(data: bytes) -> str:
    """Base64 as RFC 7515 writes it: for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def thumbprint(essence: Mapping[str, str]) -> str:
    """The id of a key by RFC 7638, from its required members alone: whoever holds the key knows the id."""
    canonical = json.dumps(essence, separators=(",", ":"), sort_keys=True).encode()
    return base64url(hashlib.sha256(canonical).digest())
