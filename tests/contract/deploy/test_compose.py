import importlib
import re
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml

from ocpp_edge.settings import EdgeSettings
from services.process.settings import ServiceSettings
from stack import config
from stack.topology import EDGE, FOLLOWERS, PORTS, PUBLIC_PORTS, SERVICES

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def _environment(compose: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(compose["services"][name].get("environment", {}))


def _variables(settings: type[ServiceSettings]) -> set[str]:
    return {name.upper() for name in settings.model_fields}


def test_every_service_and_the_edge_run_as_themselves(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        assert compose["services"][name]["command"] == ["python", "-m", f"services.{name}"]
    assert "exec python -m ocpp_edge" in compose["services"][EDGE]["command"][-1]


def test_processes_listen_where_the_others_look_for_them(compose: dict[str, Any]) -> None:
    for name in (*SERVICES, EDGE):
        environment = _environment(compose, name)
        assert environment["LISTEN_HOST"] == "0.0.0.0"
        assert environment["LISTEN_PORT"] == PORTS[f"{name} process"]
        for other in (*SERVICES, EDGE):
            assert environment[f"{other.upper()}_SERVICE_URL"] == f"{other}:{PORTS[f'{other} process']}"
    assert _environment(compose, EDGE)["OCPP_LISTEN_PORT"] == PORTS["edge websocket"]


def _read(name: str) -> set[str]:
    """The variables that a process reads."""
    if name == EDGE:
        return _variables(EdgeSettings)
    wire = importlib.import_module(f"services.{name}.__main__").wire
    return _variables(typing.get_type_hints(wire)["settings"])


def test_no_variable_is_set_that_nobody_reads(compose: dict[str, Any]) -> None:
    for name in (*SERVICES, EDGE):
        assert _environment(compose, name).keys() <= _read(name), name
    assert set(_environment(compose, "prepare")) == set(config.POLICIES)


# Files are mounted where the image or compose puts them; TLS ends before Envoy; a process without a database asks none.
_PLACED = {
    "OPENAPI_FILE",
    "OCPP_TLS_CERTIFICATE_FILE",
    "OCPP_TLS_KEY_FILE",
    "OCPP_TLS_CLIENT_CA_FILE",
    "OCPP_TLS_SECOND_CERTIFICATE_FILE",
    "OCPP_TLS_SECOND_KEY_FILE",
}
_EDGE_NAMES = {"EDGE_NODE_ID", "EDGE_ADVERTISED_ADDRESS"}


@pytest.mark.parametrize("name", [*SERVICES, EDGE])
def test_whatever_a_process_reads_is_given_by_compose_or_passed_on(compose: dict[str, Any], name: str) -> None:
    left_out = _read(name) - _environment(compose, name).keys() - _PLACED
    if name == EDGE:
        left_out -= {"DATABASE_URL", *_EDGE_NAMES}
    if name != "driver":
        left_out -= {"JWT_PRIVATE_KEY_FILE"}
    assert left_out == set()


def test_what_is_passed_on_goes_by_its_own_name(compose: dict[str, Any]) -> None:
    passed = 0
    for name in (*SERVICES, EDGE, "prepare"):
        for variable, value in _environment(compose, name).items():
            if found := re.fullmatch(r"\$\{(\w+):.*\}", str(value)):
                assert found[1] == variable
                passed += 1
    assert passed > 40


def test_only_the_entrance_is_public_and_on_the_known_ports(compose: dict[str, Any]) -> None:
    public = {name for name, service in compose["services"].items() if "ports" in service}
    assert public == {"envoy"}
    expected = {f"${{{variable}:-{PORTS[name]}}}:{PORTS[name]}" for name, variable in PUBLIC_PORTS.items()}
    assert set(compose["services"]["envoy"]["ports"]) == expected


def test_only_the_driver_service_sees_the_private_key(compose: dict[str, Any]) -> None:
    holders = {
        name
        for name, service in compose["services"].items()
        if any(volume.startswith("keys:") for volume in service.get("volumes", []))
    }
    assert holders == {"prepare", "driver"}


@pytest.mark.field_case("E1")
def test_the_key_of_a_service_is_seen_by_itself_alone(compose: dict[str, Any]) -> None:
    for name in (*SERVICES, EDGE):
        holders = {
            other: volume.split(":")[1:]
            for other, service in compose["services"].items()
            for volume in service.get("volumes", [])
            if volume.startswith(f"{name}-key:")
        }
        assert holders == {"prepare": [f"/var/lib/csms/keys/services/{name}"], name: ["/run/csms", "ro"]}
        assert _environment(compose, name)["SERVICE_PRIVATE_KEY_FILE"] == "/run/csms/private-key.pem"


def test_secrets_have_no_default(compose: dict[str, Any]) -> None:
    text = (CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8")
    for secret in ("POSTGRES_PASSWORD", "OCPP_PROXY_SECRET", "API_PROXY_SECRET"):
        assert f"${{{secret}:?" in text
        assert f"${{{secret}:-" not in text
        assert f"${{{secret}}}" not in text


def test_everything_starts_after_what_it_needs(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        needs = compose["services"][name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["nats"]["condition"] == "service_healthy"
    assert compose["services"]["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_every_named_volume_is_declared(compose: dict[str, Any]) -> None:
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_who_goes_last_for_the_processor_is_who_does_so_in_the_stack(compose: dict[str, Any]) -> None:
    usual = 1024
    last = {name for name, service in compose["services"].items() if service.get("cpu_shares", usual) < usual}
    assert last == FOLLOWERS
