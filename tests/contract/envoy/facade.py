"""Envoy as its callers see it: REST by port name, and native gRPC channels. Every call stands alone."""

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from csms.error.v1.error_reason_pb2 import ErrorReason
from stack.ports import LOOPBACK

_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """A REST answer; names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, int, str]:
        """HTTP status, code and message of an error, whose body has exactly the fields of google.rpc.Status.

        Its details begin with the reason, as the contract numbers it: by its code.
        """
        assert self.headers["content-type"] == "application/json"
        assert set(self.json) == {"code", "message", "details"}
        if self.json["details"]:
            info = self.json["details"][0]
            number = ErrorReason.Value(f"ERROR_REASON_{info['reason']}")
            assert (info["@type"], info["domain"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "csms")
            assert number // 1000 == self.json["code"]
        return self.status, self.json["code"], self.json["message"]


@dataclass(frozen=True)
class NativeAnswer:
    """The answer to a unary gRPC call. `code` is the name of its status; headers are the initial metadata."""

    code: str
    details: str
    headers: Mapping[str, str]
    trailers: Mapping[str, str | bytes]
    message: bytes


@dataclass(frozen=True)
class Facade:
    """A running Envoy: its ports by the names of stack.topology, and a token that is good everywhere."""

    ports: Mapping[str, int]
    token: str

    def call(
        self,
        port: str,
        verb: str,
        path: str,
        *,
        token: str | None = "good",
        body: bytes | Iterable[bytes] | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        source: str = LOOPBACK,
    ) -> Answer:
        """One REST call. `token` is a token, "good" for ours, None for none; a mapping as `body` is sent as JSON."""
        connection = self.connection(port, source)
        try:
            content = json.dumps(body).encode() if isinstance(body, Mapping) else body
            connection.request(verb, path, content, {**self.authorization(token), **(headers or {})})
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, received, response.read())
        finally:
            connection.close()

    def admin(self, path: str) -> Any:
        """What Envoy's own interface says, as JSON."""
        return self.call("envoy admin", "GET", path, token=None).json

    def connection(self, port: str, source: str = LOOPBACK) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            LOOPBACK, self.ports[port], timeout=_ANSWER_SECONDS, source_address=(source, 0)
        )

    def native(
        self,
        port: str,
        rpc: str,
        message: bytes = b"",
        *,
        token: str | None = "good",
        timeout: float | None = _ANSWER_SECONDS,
        metadata: Mapping[str, str | bytes] | None = None,
    ) -> NativeAnswer:
        """One unary gRPC call of `/package.Service/Method` with a serialized message."""
        sent = tuple({**self.authorization(token), **(metadata or {})}.items())
        with self.channel(port) as channel:
            stub = channel.unary_unary(rpc, request_serializer=bytes, response_deserializer=bytes)
            call = stub.future(message, timeout, sent)
            code = call.code()
            headers = {key: str(value) for key, value in call.initial_metadata()}
            received = call.result() if code is grpc.StatusCode.OK else b""
            return NativeAnswer(code.name, call.details(), headers, dict(call.trailing_metadata()), received)

    def channel(self, port: str) -> grpc.Channel:
        return grpc.insecure_channel(f"{LOOPBACK}:{self.ports[port]}")

    def authorization(self, token: str | None = "good") -> dict[str, str]:
        """The header or metadata that carries `token`."""
        return {} if token is None else {"authorization": f"Bearer {self.token if token == 'good' else token}"}
