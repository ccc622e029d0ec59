from pathlib import Path

import pytest
import yaml

from stack import config
from stack.config import StackContext
from stack.errors import StackError
from stack.keys import Keys
from stack.topology import PORTS, SERVICES, Ports

KEYS = Keys(Path("/keys"), "a secret", "another secret")


def context(replicas: int = 1) -> StackContext:
    return StackContext(Ports(PORTS, replicas), KEYS, "postgresql://u:p@h:1/postgres", "nats://t@h:2")


def test_a_service_is_told_where_everything_is() -> None:
    environment = config.environment_for("billing", context())
    assert environment["LISTEN_HOST"] == "127.0.0.1"
    assert environment["LISTEN_PORT"] == "13003"
    assert environment["DATABASE_URL"] == "postgresql://u:p@h:1/postgres"
    assert environment["NATS_URL"] == "nats://t@h:2"
    assert environment["STATION_SERVICE_URL"] == "127.0.0.1:13001"
    assert environment["EDGE_SERVICE_URL"] == "127.0.0.1:14000"
    assert environment["JWT_JWKS_FILE"] == "/keys/jwks.json"
    assert environment["SERVICE_JWKS_FILE"] == "/keys/service-jwks.json"
    assert environment["GATEWAY_PORT"] == "3000"


def test_only_the_driver_service_gets_the_key_that_signs_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_PRIVATE_KEY_FILE", raising=False)
    holders = [
        name for name in (*SERVICES, "edge") if "JWT_PRIVATE_KEY_FILE" in config.environment_for(name, context())
    ]
    assert holders == ["driver"]


@pytest.mark.field_case("E1")
def test_every_service_gets_its_own_key_and_no_other() -> None:
    for name in (*SERVICES, "edge"):
        environment = config.environment_for(name, context())
        assert environment["SERVICE_PRIVATE_KEY_FILE"] == f"/keys/services/{name}/private-key.pem"
        others = [f"/services/{other}/" for other in (*SERVICES, "edge") if other != name]
        assert not [value for value in environment.values() if any(other in value for other in others)]


@pytest.mark.field_case("E5")
def test_who_believes_envoy_is_told_by_what_it_is_known_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {}
    for variable in ("OCPP_PROXY_SECRET", "API_PROXY_SECRET"):
        monkeypatch.delenv(variable, raising=False)
        reported = {name: config.environment_for(name, context()).get(variable) for name in (*SERVICES, "edge")}
        held[variable] = {name: secret for name, secret in reported.items() if secret}
    assert held == {"OCPP_PROXY_SECRET": {"edge": "a secret"}, "API_PROXY_SECRET": {"driver": "another secret"}}


def test_the_edge_gets_its_sockets_and_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    environment = config.environment_for("edge", context(replicas=2), replica=1)
    assert environment["LISTEN_PORT"] == "14010"
    assert environment["OCPP_LISTEN_PORT"] == "14110"
    assert environment["EDGE_NODE_ID"] == environment["EDGE_ADVERTISED_ADDRESS"] == "127.0.0.1:14010"
    assert "DATABASE_URL" not in environment


def test_every_replica_tells_its_metrics_on_a_loopback_port_of_its_own() -> None:
    reported = [
        config.environment_for(name, context(replicas=2), replica)
        for name in (*SERVICES, "edge")
        for replica in range(2)
    ]
    assert {environment["METRICS_LISTEN_HOST"] for environment in reported} == {"127.0.0.1"}
    assert len({environment["METRICS_PORT"] for environment in reported}) == 12
    assert reported[1]["METRICS_PORT"] == "13211"


def test_callers_of_a_replicated_service_get_all_its_addresses() -> None:
    environment = config.environment_for("billing", context(replicas=2))
    assert environment["STATION_SERVICE_URL"] == "127.0.0.1:13001,127.0.0.1:13011"


def test_whoever_calls_a_service_with_a_detour_is_sent_by_it() -> None:
    chosen = StackContext(Ports(PORTS, 2), KEYS, "postgresql://u:p@h:1/postgres", "nats://t@h:2", {"transaction": 9000})
    reported = config.environment_for("edge", chosen)
    assert reported["TRANSACTION_SERVICE_URL"] == "127.0.0.1:9000,127.0.0.1:9010"
    assert reported["STATION_SERVICE_URL"] == "127.0.0.1:13001,127.0.0.1:13011"
    # It listens where it always does.
    assert config.environment_for("transaction", chosen, 1)["LISTEN_PORT"] == "14011"


def test_the_detour_of_an_engine_changes_the_port_alone() -> None:
    assert config.by_detour("postgresql://u:p@127.0.0.1:1/postgres", 9) == "postgresql://u:p@127.0.0.1:9/postgres"
    assert config.by_detour("nats://t@127.0.0.1:2", None) == "nats://t@127.0.0.1:2"


def test_charging_policy_is_open_on_a_desk_unless_set_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCPP_ALLOW_UNKNOWN", raising=False)
    assert config.environment_for("edge", context())["OCPP_ALLOW_UNKNOWN"] == "true"
    monkeypatch.setenv("OCPP_ALLOW_UNKNOWN", "false")
    assert config.environment_for("edge", context())["OCPP_ALLOW_UNKNOWN"] == "false"
    # Empty is not set, as in the settings of services.
    monkeypatch.setenv("OCPP_ALLOW_UNKNOWN", "")
    assert config.environment_for("edge", context())["OCPP_ALLOW_UNKNOWN"] == "true"


def test_the_template_is_filled_in(tmp_path: Path) -> None:
    template, target = tmp_path / "template.yaml", tmp_path / "made" / "envoy.yaml"
    template.write_text(
        "port: ${GATEWAY_PORT}\nlb_endpoints: ${STATION_ENDPOINTS}\nregex: '^a$$'\njwks: ${JWKS_FILE}\n"
    )
    config.render(config.embedded_values(Ports(PORTS, 2), KEYS, "0.0.0.0"), target, template)
    assert target.read_text() == (
        "port: 3000\n"
        "lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 13001}}}}, "
        "{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 13011}}}}]\n"
        "regex: '^a$'\n"
        "jwks: /keys/jwks.json\n"
    )


@pytest.mark.field_case("E1")
def test_what_is_internal_by_the_contracts_is_refused_by_envoy_without_being_named_there() -> None:
    routes = yaml.safe_load(f"              {config.internal_routes()}")

    refused = {route["match"]["path"] for route in routes if route["direct_response"]["status"] == 404}
    assert len(refused) == len(routes) > 10
    assert "/csms.edge.v1.EdgeService/DeliverCommand" in refused
    assert "/csms.edge.v1.EdgeService/SendOcppCall" not in refused
    assert "DeliverCommand" not in config.TEMPLATE.read_text(encoding="utf-8")


def test_a_folder_with_an_apostrophe_does_not_break_the_configuration() -> None:
    values = config.embedded_values(Ports(PORTS), Keys(Path("/o'brien"), "", ""), "127.0.0.1")
    assert values["JWKS_FILE"] == "/o''brien/jwks.json"


@pytest.mark.parametrize(("text", "complaint"), [("${NOBODY}", "NOBODY"), ("a $ alone", "dollar")])
def test_a_template_that_cannot_be_filled_in_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(text)
    with pytest.raises(StackError, match=complaint):
        config.render({}, tmp_path / "envoy.yaml", template)
    assert not (tmp_path / "envoy.yaml").exists()


def test_a_cluster_fills_in_the_same_blanks_as_a_single_machine() -> None:
    assert config.embedded_values(Ports(PORTS), KEYS, "").keys() == config.cluster_values({}, KEYS.jwks_file).keys()


def test_parts_that_run_elsewhere_are_found_by_their_variables() -> None:
    values = config.cluster_values({"STATION_SERVICE_URL": "http://stations.internal:1234"}, KEYS.jwks_file)
    assert "address: stations.internal, port_value: 1234" in values["STATION_ENDPOINTS"]
    assert "address: driver, port_value: 13002" in values["DRIVER_ENDPOINTS"]
    assert "address: edge, port_value: 14100" in values["OCPP_ENDPOINTS"]


@pytest.mark.parametrize("url", ["station", "http://station", "station:http", "station:99999", ":1"])
def test_an_address_without_host_and_port_is_refused(url: str) -> None:
    with pytest.raises(StackError, match="STATION_SERVICE_URL"):
        config.cluster_values({"STATION_SERVICE_URL": url}, KEYS.jwks_file)


def test_without_contracts_there_is_nothing_to_check_requests_by(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert config.rest_lua().startswith('"local CONTRACT = [==[return {')
    with pytest.raises(StackError, match="cannot be made"):
        config.rest_lua(tmp_path)


def test_who_shares_a_process_has_what_differs_as_its_own() -> None:
    environments = {name: config.environment_for(name, context()) for name in ("edge", "driver")}
    common, own = config.shared_environment(environments)
    assert {name: {**common, **each} for name, each in own.items()} == environments
    assert own["edge"]["LISTEN_PORT"] == "14000"
    assert own["driver"]["LISTEN_PORT"] == "13002"
    assert "LISTEN_PORT" not in common
    # By its address each is known to the others.
    assert own["edge"]["LISTEN_HOST"] == own["driver"]["LISTEN_HOST"] == "127.0.0.1"
    assert "JWT_PRIVATE_KEY_FILE" not in own["edge"] | common
