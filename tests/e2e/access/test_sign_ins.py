"""Signing in through Envoy: wrong passwords cost those who try them, and nobody else."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fixtures.system import System

pytestmark = pytest.mark.field_case("E5")

PASSWORD = "a good password"


@dataclass(frozen=True)
class Answer:
    """What a sign-in was answered with."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def sign_in(system: System, password: str, *, source: str, port: str = "gateway", **more: str) -> Answer:
    """As somebody whose connection comes from `source`, and who says that it comes from elsewhere."""
    connection = http.client.HTTPConnection("127.0.0.1", system.ports[port], timeout=20, source_address=(source, 0))
    headers = {"content-type": "application/json", "x-forwarded-for": "203.0.113.9", "x-csms-caller-address": "::1"}
    body = {"grantType": "password", "username": "olga", "password": password, **more}
    try:
        connection.request("POST", "/auth/token", json.dumps(body), headers)
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, received, json.loads(answer.read()))
    finally:
        connection.close()


def test_eleven_wrong_passwords_make_their_sender_wait_and_the_owner_signs_in(system: System) -> None:
    account = {"name": "olga", "role": "OPERATOR", "password": PASSWORD}
    assert system.call("POST", "/accounts", account, role="admin").status == 201
    former = sign_in(system, PASSWORD, source="127.0.0.4").body["access_token"]

    # Whatever port they come through, it is the same address.
    ports = ["gateway", "driver", "station"] * 4
    wrong = [sign_in(system, f"guess {number}", source="127.0.0.2", port=port) for number, port in enumerate(ports)]

    statuses = [answer.status for answer in wrong]
    assert statuses.count(401) >= 6
    assert statuses[-1] == 429
    refused = wrong[-1]
    assert int(refused.headers["retry-after"]) >= 1
    [info, retry] = refused.body["details"]
    assert (info["reason"], info["metadata"]) == (
        "TOO_MANY_ATTEMPTS",
        {"retryAfterSeconds": refused.headers["retry-after"]},
    )
    assert retry == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": f"{refused.headers['retry-after']}s",
    }
    assert sign_in(system, PASSWORD, source="127.0.0.3").status == 200
    # At the address of the attack too, for who shows that he was right before.
    assert sign_in(system, PASSWORD, source="127.0.0.2", formerToken=former).status == 200
