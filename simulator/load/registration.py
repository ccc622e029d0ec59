"""Makes the charge points of a load run, and their cards, through the REST interface. What exists already is fine."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

_AT_ONCE = 8
_TRIES = 60
_TIMEOUT_SECONDS = 30


class RegistrationFailed(Exception):
    """The platform refused."""


class Registrar:
    """Callers of one REST facade with one token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def register(self, identities: Sequence[str], tags: Sequence[str]) -> None:
        """Create every charge point as accepted, and one driver who holds a card for every tag.

        Raises:
            RegistrationFailed: anything but success or `exists already`.
        """
        email = f"load-{uuid4()}@example.com"
        driver = self._post("/drivers", {"name": "Load generator", "email": email})["data"]["id"]
        work = [("/charge-points", {"id": identity, "state": "ACCEPTED"}) for identity in identities]
        work += [("/rfid-cards", {"idTag": tag, "driverId": driver, "status": "ACTIVE"}) for tag in dict.fromkeys(tags)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda item: self._post(*item), work))

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        for _ in range(_TRIES):
            request = urllib.request.Request(
                self._url + path,
                json.dumps(body).encode(),
                {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
            )
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                if error.code == 409:
                    return None
                if error.code not in (429, 503):
                    reason = error.read(500).decode("utf-8", "replace")
                    raise RegistrationFailed(f"POST {path}: {error.code} {reason}") from error
                time.sleep(float(error.headers.get("Retry-After") or 1))
            except OSError as error:
                raise RegistrationFailed(f"POST {path}: {error}") from error
        raise RegistrationFailed(f"POST {path}: too many requests, for too long")
