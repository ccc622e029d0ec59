"""From where somebody signs in, as the driver service hears it: by the connection, whatever callers write."""

import pytest

from stack.keys import Keys
from stack.topology import PUBLIC_PORTS
from tests.contract.envoy.facade import Facade

pytestmark = pytest.mark.field_case("E5")

ISSUE_TOKEN = "/csms.identity.v1.IdentityService/IssueToken"
BODY = {"grantType": "password", "username": "ann", "password": "wrong"}
FORGED = {
    "x-csms-caller-address": "203.0.113.7",
    "x-csms-proxy-secret": "guessed",
    "x-forwarded-for": "203.0.113.7",
    "x-real-ip": "203.0.113.7",
    "forwarded": "for=203.0.113.7",
}


@pytest.mark.parametrize("port", PUBLIC_PORTS)
@pytest.mark.parametrize("source", ["127.0.0.2", "127.0.0.3"])
def test_the_driver_service_hears_who_signs_in_from_where(
    port: str, source: str, facade: Facade, signing_keys: Keys
) -> None:
    for forged in ({}, FORGED):
        answer = facade.call(port, "POST", "/auth/token", token=None, body=BODY, headers=forged, source=source)
        assert answer.headers["x-method"] == ISSUE_TOKEN
        assert answer.headers["x-heard-caller-address"] == source
        assert answer.headers["x-heard-proof"] == signing_keys.api_proxy_secret


@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_native_grpc_is_told_of_alike(port: str, facade: Facade, signing_keys: Keys) -> None:
    answer = facade.native(port, ISSUE_TOKEN, token=None, metadata=FORGED)
    assert answer.headers["x-heard-caller-address"] == "127.0.0.1"
    assert answer.headers["x-heard-proof"] == signing_keys.api_proxy_secret


def test_nobody_else_is_given_the_secret_or_what_callers_write(facade: Facade) -> None:
    for port, path in (("gateway", "/drivers"), ("gateway", "/stations"), ("driver", "/accounts")):
        heard = facade.call(port, "GET", path, headers=FORGED).headers["x-heard-names"].split(",")
        assert not {"x-csms-caller-address", "x-csms-proxy-secret"} & set(heard)
