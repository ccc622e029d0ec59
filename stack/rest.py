"""A caller of the REST facade, as small as the stack needs it: JSON in, JSON out, one connection at a time."""

import http.client
import json
from typing import Any

from stack.errors import StackError

_ANSWER_SECONDS = 15.0


class Refused(StackError):
    """The facade refused a request; `status` is the HTTP status."""

    def __init__(self, request: str, status: int, body: bytes) -> None:
        super().__init__(f"{request}: HTTP {status} {body.decode('utf-8', 'replace')[:300].strip()}")
        self.status = status


class Facade:
    """The REST facade on a port of this machine, called with one token."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def get(self, path: str) -> Any:
        """The body of the answer. Raises Refused, or StackError when there is no answer."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """The body of the answer. Raises Refused, or StackError when there is no answer."""
        return self._call("POST", path, body)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _call(self, method: str, path: str, body: Any) -> Any:
        try:
            content = None if body is None else json.dumps(body)
            self._connection.request(method, path, content, self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise StackError(f"{method} {path}: no answer ({error})") from error
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise Refused(f"{method} {path}", answer.status, text)
        return json.loads(text) if text else None
