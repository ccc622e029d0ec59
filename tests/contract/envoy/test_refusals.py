"""What Envoy itself refuses: always in the shape of google.rpc.Status, whatever was wrong."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from services.process.settings import ServiceSettings
from services.rpc.service_identity import ServiceIdentity
from stack import keys
from stack.keys import Keys
from tests.contract.envoy.facade import Facade

KIB = 1024
STATION = "/csms.station.v1.StationService/GetStation"


@pytest.mark.parametrize(
    ("verb", "path", "body", "expected"),
    [
        ("GET", "/nowhere", None, (404, 5, "there is no path /nowhere here")),
        ("PATCH", "/stations", b"{}", (405, 12, "possible are GET, HEAD, OPTIONS, POST")),
        ("POST", STATION, b"{}", (404, 5, f"Could not resolve {STATION} to a method.")),
        ("GET", "/stations?colour=red", None, (400, 3, "colour: is no query parameter here")),
        ("GET", "/stations?pageSize=many", None, (400, 3, "pageSize: must be a whole number")),
        ("GET", "/stations?status=OPEN", None, (400, 3, "status: must be one of ACTIVE, INACTIVE, PLANNED")),
        ("GET", "/stations?access_token=x", None, (400, 3, "access_token: is no query parameter here")),
        ("POST", "/stations", b'{"status": "OPEN"}', (400, 3, "station.status: must be one of ACTIVE")),
        ("POST", "/stations", b'{"latitude": "north"}', (400, 3, "station.latitude")),
        ("POST", "/stations", b'{"name": ', (400, 3, "a value is expected at byte 10")),
        ("POST", "/stations", b'{"name": "x"} and more', (400, 3, "nothing more is expected at byte 15")),
        ("POST", "/stations", b"[1]", (400, 3, "an object is expected at byte 1")),
        ("POST", "/stations", b'{"name": "\xff"}', (400, 3, "UTF-8")),
        ("POST", "/stations", b"\xff\xfe", (400, 3, "an object is expected at byte 1")),
        ("POST", "/stations", b'{"name": "' + b"x" * 256 * KIB + b'"}', (413, 8, "larger than 256 KiB")),
        ("GET", "/ocpp/CP1", None, (404, 5, "there is no path /ocpp/CP1 here")),
        ("GET", "/%00", None, (400, 3, "")),
        ("CONNECT", "/stations", None, (400, 3, "")),
    ],
)
def test_a_bad_request_is_told_what_is_wrong_with_it(
    verb: str, path: str, body: bytes | None, expected: tuple[int, int, str], facade: Facade
) -> None:
    status, code, message = facade.call("gateway", verb, path, body=body).refusal
    assert (status, code) == expected[:2]
    assert expected[2] in message


@pytest.mark.parametrize("headers", [{}, {"content-length": str(300 * KIB + 12)}], ids=["chunked", "sized"])
def test_a_body_that_comes_in_pieces_is_refused_when_it_grows_too_large(
    headers: dict[str, str], facade: Facade
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(300):
            yield b"x" * KIB
        yield b'"}'

    answer = facade.call("gateway", "POST", "/stations", body=pieces(), headers=headers)
    assert answer.refusal == (413, 8, "the body is larger than 256 KiB")


@pytest.mark.field_case("C20")
def test_a_body_just_below_the_limit_is_accepted(facade: Facade) -> None:
    assert facade.call("gateway", "POST", "/stations", body={"name": "x" * 255 * KIB}).status == 201


def test_headers_may_be_seven_kilobytes_but_not_nine(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/stations", headers={"x-padding": "x" * 7000}).status == 200
    refused = facade.call("gateway", "GET", "/stations", headers={"x-padding": "x" * 9000})
    assert refused.refusal == (431, 8, "the headers are larger than 8 KiB")


def bad_tokens(key_folder_keys: Keys) -> dict[str, tuple[str | None, int]]:
    """Tokens that are not good enough, and the status that each is refused with."""
    private_key = key_folder_keys.private_key_file.read_text()
    now = int(time.time())
    claims: dict[str, Any] = {"iss": keys.ISSUER, "aud": keys.AUDIENCE, "sub": "a1", "role": "admin", "exp": now + 60}

    def signed(**changes: Any) -> str:
        return jwt.encode(claims | changes, private_key, algorithm="ES256")

    def of_service(**changes: Any) -> str:
        own_key = key_folder_keys.service_private_key_file("billing").read_text()
        return jwt.encode(claims | changes, own_key, algorithm="EdDSA")

    return {
        "none": (None, 401),
        "garbage": ("garbage", 401),
        "expired": (signed(exp=now - 120), 401),
        "of another issuer": (signed(iss="csms-internal"), 401),
        "for somebody else": (signed(aud="another-api"), 403),
        "of a service": (_identity(key_folder_keys).token_for("station"), 401),
        "of a service, for people": (of_service(iss=keys.ISSUER, aud=keys.AUDIENCE, role="admin"), 401),
        "unsigned": (jwt.encode(claims, "", algorithm="none"), 401),
    }


def _identity(made: Keys) -> ServiceIdentity:
    """The billing service, as it shows itself to others."""
    settings = ServiceSettings(
        _env_file=None,
        listen_port=0,
        jwt_jwks_file=made.jwks_file,
        service_jwks_file=made.service_jwks_file,
        service_private_key_file=made.service_private_key_file("billing"),
    )
    return ServiceIdentity("billing", settings)


@pytest.mark.parametrize("port", ["gateway", "station"])
def test_a_bad_token_is_refused_on_every_port(port: str, facade: Facade, signing_keys: Keys) -> None:
    for name, (token, status) in bad_tokens(signing_keys).items():
        refused = facade.call(port, "GET", "/stations", token=token)
        assert (name, *refused.refusal[:2]) == (name, status, {401: 16, 403: 7}[status])
        code = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}[status]
        native = facade.native(port, STATION, token=token)
        assert (name, native.code) == (name, code)
        way = "; POST /auth/token gives a token, to be sent as Authorization: Bearer TOKEN"
        assert refused.refusal[2] == native.details + {401: way, 403: ""}[status]


def test_a_path_that_belongs_to_nobody_is_not_found_without_a_token_too(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/nowhere", token=None).status == 404


def test_a_client_that_asks_too_often_is_told_to_wait_and_others_are_not(meagre_facade: Facade) -> None:
    answers = [meagre_facade.call("gateway", "GET", "/health", source="127.0.0.2") for _ in range(5)]
    assert answers[-1].refusal == (429, 8, "too many requests; try again soon")
    assert answers[-1].headers["retry-after"] == "1"
    info, retry = answers[-1].json["details"]
    assert (info["reason"], info["metadata"], retry["retryDelay"]) == ("RATE_LIMITED", {"retryAfterSeconds": "1"}, "1s")
    assert meagre_facade.call("gateway", "GET", "/health", source="127.0.0.3").status == 503


def test_native_grpc_that_asks_too_often_is_told_so_by_its_status(meagre_facade: Facade) -> None:
    answers = [meagre_facade.native("gateway", STATION) for _ in range(5)]
    assert (answers[-1].code, answers[-1].details) == ("RESOURCE_EXHAUSTED", "local_rate_limited")


@pytest.mark.parametrize(
    ("port", "path"),
    [("gateway", "/stations"), ("gateway", "/health"), ("ocpp", "/connections"), ("billing", "/invoices")],
)
def test_a_service_that_is_down_is_unavailable_at_once(port: str, path: str, meagre_facade: Facade) -> None:
    began = time.monotonic()
    answer = meagre_facade.call(port, "GET", path, source="127.0.0.4")
    assert answer.refusal == (503, 14, "the service does not answer")
    assert time.monotonic() - began < 1


def test_native_grpc_is_told_that_a_service_is_down_by_its_status(meagre_facade: Facade) -> None:
    # On a port that the tests above have not asked too often.
    answer = meagre_facade.native("ocpp", "/csms.edge.v1.EdgeService/ListConnections")
    assert (answer.code, answer.details) == ("UNAVAILABLE", "no healthy upstream")
