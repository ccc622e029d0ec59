"""What anybody may ask without a token: health of every port, the directory, the documents."""

import re

import pytest

from csms.identity.v1.identity_service_pb2 import IssueTokenRequest
from services.kernel.zones import zone_data_version
from tests.fixtures.system import System

_SERVICE_OF = {
    "gateway": "monitoring",
    "station": "station",
    "driver": "driver",
    "billing": "billing",
    "monitoring": "monitoring",
    "ocpp": "edge",
    "transaction": "transaction",
}


@pytest.mark.parametrize("port", _SERVICE_OF)
def test_every_port_tells_its_health(system: System, port: str) -> None:
    answer = system.get("/health", role=None, port=port)
    assert answer.status == 200
    assert answer.json["service"] == _SERVICE_OF[port]
    assert answer.json["message"]
    assert answer.json["status"] == "SERVING"


@pytest.mark.field_case("C11")
@pytest.mark.parametrize("port", _SERVICE_OF)
def test_every_port_tells_how_old_its_rules_of_local_clocks_are(system: System, port: str) -> None:
    assert system.get("/health", role=None, port=port).json["timeZoneData"] == zone_data_version()


def test_the_directory_lists_every_service_as_serving(system: System) -> None:
    services = system.get("/services", role=None).data
    assert {service["name"]: service["status"] for service in services} == {
        name: "SERVING" for name in ("station", "driver", "billing", "monitoring", "transaction", "edge")
    }
    ports = {service["name"]: service["publicPort"] for service in services}
    assert ports["edge"] == system.ports["ocpp"]
    assert ports["billing"] == system.ports["billing"]


def test_the_openapi_document_has_every_path_of_the_seed(system: System) -> None:
    document = system.get("/openapi.json", role=None).json
    assert document["openapi"].startswith("3.1")
    expected = {
        *(
            "/stations",
            "/stations/{stationId}",
            "/connectors/station/{stationId}",
            "/drivers",
            "/rfid-cards/validate",
        ),
        *("/charging-sessions", "/invoices", "/pricing/tariffs", "/pricing/calculate", "/stations/status", "/alerts"),
        *("/analytics/dashboard", "/analytics/usage", "/real-time/connections", "/real-time/events", "/connections"),
        *("/transactions", "/health", "/services", "/auth/token"),
    }
    assert expected <= set(document["paths"])


def test_the_page_to_read_is_html(system: System) -> None:
    answer = system.get("/docs", role=None)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in answer.text


_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("port", ["gateway", "monitoring"])
def test_a_browser_gets_a_page_where_programs_get_figures(system: System, port: str) -> None:
    page = system.call("GET", "/analytics/dashboard", role=None, port=port, headers={"accept": _BROWSER})
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    # It asks this port alone, for the same figures.
    assert set(re.findall(r'fetch\("([^"]+)"', page.text)) == {"/analytics/dashboard", "/auth/token"}
    assert "default-src 'none'" in page.text
    assert "://" not in page.text
    for accept in ("*/*", "application/json"):
        assert (
            system.call("GET", "/analytics/dashboard", role=None, port=port, headers={"accept": accept}).status == 401
        )
        figures = system.call("GET", "/analytics/dashboard", port=port, headers={"accept": accept}).data
        assert figures["stationCount"] >= 0
    # What it asks a token with is a field of the request: the former token as well, when it asks for the next one.
    [sent] = re.findall(r"JSON\.stringify\(\{ ([^}]+) \}\)", page.text)
    fields = {part.partition(":")[0] for part in sent.split(", ")}
    assert {"formerToken"} <= fields <= {field.json_name for field in IssueTokenRequest.DESCRIPTOR.fields}
    # What the page reads is there.
    assert set(re.findall(r"board\.(\w+)", page.text)) <= set(figures)


@pytest.mark.parametrize("port", ["gateway", "station", "driver", "billing", "monitoring", "transaction", "ocpp"])
def test_every_port_that_asks_for_a_token_gives_one(system: System, port: str) -> None:
    refused = system.call("POST", "/auth/token", {"grantType": "password"}, role=None, port=port)
    assert (refused.status, refused.json["code"]) == (401, 16)


def test_a_password_gets_a_token_that_works(system: System) -> None:
    account = {"name": "e2e-operator", "role": "OPERATOR", "password": "a long enough password"}
    assert system.call("POST", "/accounts", account, role="admin").status == 201
    grant = {"grantType": "password", "username": "e2e-operator", "password": "a long enough password"}
    answer = system.call("POST", "/auth/token", grant, role=None)
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert system.call("GET", "/stations", role=None, headers=headers).status == 200
    assert system.call("GET", "/accounts", role=None, headers=headers).status == 403


def test_client_credentials_get_a_token_and_a_wrong_secret_does_not(system: System) -> None:
    account = {"name": "e2e-program", "kind": "CLIENT", "role": "VIEWER", "password": "the secret of a program"}
    assert system.call("POST", "/accounts", account, role="admin").status == 201
    grant = {"grantType": "client_credentials", "clientId": "e2e-program", "clientSecret": "the secret of a program"}
    assert system.call("POST", "/auth/token", grant, role=None).status == 200
    wrong = system.call("POST", "/auth/token", {**grant, "clientSecret": "another"}, role=None)
    assert wrong.status == 401
    assert wrong.json["details"][0]["reason"] == "INVALID_CREDENTIALS"


def test_the_public_keys_are_a_key_set(system: System) -> None:
    [key] = system.get("/.well-known/jwks.json", role=None).json["keys"]
    assert (key["kty"], key["alg"], key["crv"]) == ("EC", "ES256", "P-256")


@pytest.mark.parametrize("path", ["/stations", "/drivers", "/invoices", "/alerts", "/transactions", "/accounts"])
def test_everything_else_needs_a_token(system: System, path: str) -> None:
    answer = system.get(path, role=None)
    assert answer.status == 401
    assert answer.json["code"] == 16
