"""Public keys that lie in a file: a JSON Web Key Set (RFC 7517), read again when the file changes.

Verifies nothing.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import jwt

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies tokens; `service` is whose it is, empty in a set that names no services."""

    key: jwt.PyJWK
    service: str


class KeySet:
    """The keys of one algorithm in a file, by their ids. Raises OSError or ValueError when it holds none."""

    def __init__(self, file: Path, algorithm: str) -> None:
        self._file = file
        self._algorithm = algorithm
        self._changed = self._file.stat().st_mtime_ns
        self._keys = self._read()

    def renew(self) -> bool:
        """Read the file again when it has changed, and tell so. One that cannot be read leaves all as it was."""
        try:
            changed = self._file.stat().st_mtime_ns
            if changed == self._changed:
                return False
            self._keys = self._read()
        except (OSError, ValueError) as error:
            _log.warning("the keys in %s stay as they were: %s", self._file, error)
            return False
        self._changed = changed
        return True

    def find(self, key_id: object) -> PublicKey | None:
        """The key of that id."""
        return self._keys.get(key_id) if isinstance(key_id, str) else None

    def _read(self) -> dict[str, PublicKey]:
        try:
            found = [_public_key(entry) for entry in json.loads(self._file.read_bytes())["keys"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self._file.name} is not a JSON Web Key Set: {error!r}") from None
        keys = {one.key.key_id: one for one in found if one is not None and one.key.algorithm_name == self._algorithm}
        if not keys:
            raise ValueError(f"{self._file.name} is not a JSON Web Key Set: it holds no {self._algorithm} key")
        return {key_id: key for key_id, key in keys.items() if key_id is not None}


def _public_key(entry: dict[str, object]) -> PublicKey | None:
    """None for a key that the library cannot use: others may be beside it."""
    try:
        return PublicKey(jwt.PyJWK.from_dict(entry), str(entry.get("service", "")))
    except jwt.PyJWTError:
        return None
