"""The configuration as a whole: Envoy accepts it wherever the parts run, and its log keeps secrets to itself."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from csms.station.v1 import station_service_pb2
from stack import config, envoy
from stack.keys import Keys
from stack.ports import LOOPBACK
from stack.topology import PORTS, PUBLIC_PORTS, Ports
from tests.contract.envoy import launch
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.upstreams import Upstreams


def test_envoy_accepts_it_for_one_machine(signing_keys: Keys, tmp_path: Path) -> None:
    config.render(config.embedded_values(Ports(PORTS, 2), signing_keys, LOOPBACK), tmp_path / "envoy.yaml")
    envoy.validate(tmp_path / "envoy.yaml")


def test_envoy_accepts_it_for_a_cluster_that_finds_its_parts_by_name(signing_keys: Keys, tmp_path: Path) -> None:
    config.render(config.cluster_values({}, signing_keys.jwks_file), tmp_path / "envoy.yaml")
    envoy.validate(tmp_path / "envoy.yaml")


def test_every_port_has_the_same_policies(facade: Facade) -> None:
    own = {"stat_prefix", "route_config", "http_protocol_options", "common_http_protocol_options"}
    own |= {"delayed_close_timeout", "request_timeout", "early_header_mutation_extensions"}
    policies = []
    for listener in static_listeners(facade.ports["envoy admin"]):
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        for host in manager["route_config"]["virtual_hosts"]:
            shared = {key: value for key, value in host.items() if key not in ("name", "domains", "routes")}
            policies.append({key: value for key, value in manager.items() if key not in own} | shared)
    assert len(policies) == len(PUBLIC_PORTS)
    assert all(policy == policies[0] for policy in policies)


@pytest.mark.field_case("E6")
def test_who_connects_to_the_port_of_charge_points_and_asks_for_nothing_is_let_go(facade: Facade) -> None:
    [edge] = [each for each in static_listeners(facade.ports["envoy admin"]) if each["name"] == "edge"]
    manager = edge["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager["common_http_protocol_options"]["idle_timeout"] == "60s"
    assert manager["request_headers_timeout"] == "10s"
    # A log on a slow line; what asks for nothing meanwhile is let go by its route.
    assert manager["request_timeout"] == "3600s"


def static_listeners(admin_port: int) -> list[dict[str, Any]]:
    """The listeners as Envoy has understood them."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{admin_port}/config_dump?resource=static_listeners") as answer:
        return [each["listener"] for each in json.load(answer)["configs"]]


@pytest.fixture
def log_of_a_call(behind: Upstreams, signing_keys: Keys, admin_token: str, tmp_path: Path) -> list[str]:
    behind.monitoring.may_go_on.set()
    log = tmp_path / "access.log"
    with launch.running(tmp_path, signing_keys, behind, ACCESS_LOG=str(log)) as ports:
        facade = Facade(ports, admin_token)
        facade.call("gateway", "GET", f"/real-time/events?entityId=CP1&access_token={admin_token}", token=None)
        facade.call("ocpp", "PUT", "/file-links/of-a-file/a.log", body=b"log", token=None)  # its path is a secret
        facade.call("gateway", "DELETE", "/stations/s1")
    return log.read_text().splitlines()


def test_the_log_tells_what_was_asked_and_by_whom_but_shows_no_token(
    log_of_a_call: list[str], admin_token: str
) -> None:
    events, deletion = map(json.loads, log_of_a_call)
    assert (events["method"], events["path"], events["status"]) == ("GET", "/real-time/events", 200)
    assert (deletion["method"], deletion["path"]) == ("DELETE", "/stations/s1")
    assert deletion["rpc"] == "/csms.station.v1.StationService/DeleteStation"
    assert deletion["subject"].startswith("cli:")
    secret = admin_token.rpartition(".")[2]
    assert not [line for line in log_of_a_call if secret in line or "CP1" in line]


def test_envoy_has_nothing_to_warn_about(log_of_a_call: list[str], tmp_path: Path) -> None:
    warnings = (tmp_path / "envoy.log").read_text().splitlines()
    assert [line for line in warnings if not line.endswith("caught ENVOY_SIGTERM")] == []


@pytest.mark.field_case("C7", "C3", "C6")
def test_the_log_tells_the_true_outcome_by_its_name_in_grpc(
    behind: Upstreams, signing_keys: Keys, admin_token: str, tmp_path: Path
) -> None:
    behind.monitoring.may_go_on.set()
    log = tmp_path / "access.log"
    get_station = "/csms.station.v1.StationService/GetStation"
    missing = station_service_pb2.GetStationRequest(station_id="missing").SerializeToString()
    with launch.running(tmp_path, signing_keys, behind, ACCESS_LOG=str(log)) as ports:
        facade = Facade(ports, admin_token)
        facade.call("gateway", "GET", "/stations")
        facade.call("gateway", "HEAD", "/stations/s1")
        facade.call("gateway", "GET", "/stations/missing")
        facade.call("gateway", "POST", "/stations", body={"name": "refused"})
        facade.call("gateway", "POST", "/stations", body={"name": "flaky-log"})
        facade.call("gateway", "POST", "/stations", body={"colour": "red"})
        facade.call("gateway", "GET", "/stations/s1?stationId=s2")
        facade.call("gateway", "POST", "/stations", body=b"x" * 300_000)
        facade.call("gateway", "GET", "/stations", token=None)
        facade.call("gateway", "GET", "/nowhere")
        facade.call("gateway", "DELETE", "/stations")
        facade.call("gateway", "GET", "/stations", headers={"grpc-timeout": "soon"})
        facade.call("driver", "GET", "/stations")
        facade.call("gateway", "GET", "/real-time/events")
        facade.call("gateway", "GET", "/real-time/events?cursor=broken")
        facade.native("gateway", get_station)
        facade.native("gateway", get_station, missing)
        facade.native("gateway", get_station, token=None)
    reported = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(each["method"], each["path"], each["status"], each["grpc_status"]) for each in reported] == [
        ("GET", "/stations", 200, "OK"),
        ("HEAD", "/stations/s1", 200, "OK"),
        ("GET", "/stations/missing", 404, "NOT_FOUND"),
        ("POST", "/stations", 400, "INVALID_ARGUMENT"),
        ("POST", "/stations", 503, "UNAVAILABLE"),
        ("POST", "/stations", 400, "INVALID_ARGUMENT"),
        ("GET", "/stations/s1", 400, "INVALID_ARGUMENT"),
        ("POST", "/stations", 413, "RESOURCE_EXHAUSTED"),
        ("GET", "/stations", 401, "UNAUTHENTICATED"),
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/stations", 405, "UNIMPLEMENTED"),
        ("GET", "/stations", 400, "INVALID_ARGUMENT"),
        ("GET", "/stations", 404, "NOT_FOUND"),
        ("GET", "/real-time/events", 200, "OK"),
        ("GET", "/real-time/events", 200, "UNAVAILABLE"),
        ("POST", get_station, 200, "OK"),
        ("POST", get_station, 200, "NOT_FOUND"),
        ("POST", get_station, 200, "UNAUTHENTICATED"),
    ]
