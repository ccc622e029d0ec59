"""The operator: whoever uses the REST interface with a token."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

from conformance.verdicts import Failed

_ANSWER_SECONDS = 40.0
_TRIES = 40
_POLL_SECONDS = 0.1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: HTTP status and body."""

    status: int
    body: Any

    @property
    def data(self) -> Any:
        """What was asked for. Raises Failed when it was refused."""
        if not 200 <= self.status < 300:
            raise Failed(f"expected success of a REST call, seen {self.status} {json.dumps(self.body)[:300]}")
        return self.body["data"]

    @property
    def reason(self) -> str:
        """Why it was refused, in the word for machines; empty when it was not."""
        details = self.body.get("details") if isinstance(self.body, dict) else None
        return str(details[0].get("reason", "")) if details else ""


class Operator:
    """Calls of one REST interface; at most as many at a time as `threads` has."""

    def __init__(self, url: str, token: str, threads: Executor) -> None:
        self._url, self._token, self._threads = url.rstrip("/"), token, threads

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One request. Raises Failed when nobody answers."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, method, path, body)

    async def get(self, path: str) -> Any:
        """What stands there now. Raises Failed when it is refused."""
        return (await self.call("GET", path)).data

    async def post(self, path: str, body: Any) -> Any:
        """What was made. Raises Failed when it is refused."""
        return (await self.call("POST", path, body)).data

    def _call(self, method: str, path: str, body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        for _ in range(_TRIES):
            request = urllib.request.Request(self._url + path, content, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
                    return Answer(answer.status, _read(answer.read()))
            except urllib.error.HTTPError as refusal:
                with refusal:
                    if refusal.code != 429:
                        return Answer(refusal.code, _read(refusal.read()))
                    time.sleep(float(refusal.headers.get("Retry-After") or 1))
            except OSError as error:
                raise Failed(f"{method} {path}: {error}") from error
        raise Failed(f"{method} {path}: too many requests, for too long")


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else {}
    except ValueError:
        return {"message": content[:300].decode("utf-8", "replace")}


async def eventually(what: str, look: Callable[[], Awaitable[T]], within_seconds: float = 10.0) -> T:
    """The first truthy value of `look`: what the CSMS does after it has answered has to show itself in time."""
    give_up_at = time.monotonic() + within_seconds
    while not (found := await look()):
        if time.monotonic() > give_up_at:
            raise Failed(f"expected that {what}, not seen within {within_seconds:g} s (last: {found!r})")
        await asyncio.sleep(_POLL_SECONDS)
    return found
