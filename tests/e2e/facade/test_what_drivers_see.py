"""Stations as a driver sees them: where, what, and whether it is free. By every RPC that a driver may call there."""

import secrets
from typing import Any

import pytest

from tests.fixtures.system import System

pytestmark = pytest.mark.field_case("C8", "C13")

STATION = {
    "id",
    "name",
    "address",
    "city",
    "country",
    "latitude",
    "longitude",
    "timeZone",
    "status",
    "connectors",
    "chargePoints",
    "configuration",  # Always empty: a map cannot be absent.
    "createTime",
    "updateTime",
    "etag",
    "freeVending",
}
CHARGE_POINT = {"id", "stationId", "vendor", "model", "online", "connectors", "freeVending"}
CONNECTOR = {
    "id",
    "stationId",
    "chargePointId",
    "evseId",
    "connectorId",
    "type",
    "maxPowerW",
    "status",
    "availability",
    "freeVending",
}


@pytest.fixture(scope="module")
def place(system: System) -> dict[str, str]:
    """A station with all that operators know of it, and a driver."""
    tag = secrets.token_hex(4)
    station = {
        "name": f"Seen {tag}",
        "city": "Riga",
        "latitude": 56.9,
        "longitude": 24.1,
        "configuration": {"HeartbeatInterval": "61"},
        "chargePoints": [{"id": f"P{tag}", "serialNumber": "S-1", "password": "a password of some length"}],
        "connectors": [{"chargePointId": f"P{tag}", "connectorId": 1, "type": "CCS2", "maxPowerW": 50000}],
    }
    made = system.call("POST", "/stations", station)
    assert made.status == 201, made.text
    driver = system.call("POST", "/drivers", {"name": f"Sees {tag}"}).data["id"]
    return {"station": made.data["id"], "point": f"P{tag}", "driver": driver, "tag": tag}


def ask(system: System, place: dict[str, str], path: str, role: str) -> Any:
    words = ("--driver", place["driver"]) if role == "driver" else ()
    headers = {"Authorization": f"Bearer {system.token(role, *words)}"}
    return system.call("GET", path.format(**place), role=None, headers=headers)


def stations_of(answer: Any) -> list[dict[str, Any]]:
    return answer.data if isinstance(answer.data, list) else [answer.data]


@pytest.mark.parametrize("path", ["/stations/{station}", "/stations?text=Seen%20{tag}"])
def test_a_driver_sees_places_and_plugs_and_nothing_of_the_hardware(
    path: str, system: System, place: dict[str, str]
) -> None:
    answer = ask(system, place, path, "driver")
    [station] = stations_of(answer)
    assert station.keys() == STATION
    assert (station["city"], station["configuration"]) == ("Riga", {})
    [point] = station["chargePoints"]
    assert point.keys() == CHARGE_POINT
    for plug in (*station["connectors"], *point["connectors"]):
        assert plug.keys() == CONNECTOR
        assert (plug["type"], plug["maxPowerW"], plug["availability"]) == ("CCS2", "50000", "OPERATIVE")
    for word in ("S-1", "secret", "password", "security", "firmware"):
        assert word.lower() not in answer.text.lower()


def test_connectors_are_seen_alike(system: System, place: dict[str, str]) -> None:
    [plug] = ask(system, place, "/connectors/station/{station}", "driver").data
    assert plug.keys() == CONNECTOR


@pytest.mark.parametrize(
    "path",
    [
        "/charge-points",
        "/charge-points/{point}",
        "/charge-points/{point}/refusals",
        "/charge-points/{point}/messages",
        "/charge-points/{point}/commands",
        "/connections",
        "/connections/{point}",
        "/stations/status",
        "/stations/{station}/metrics",
        "/alerts",
        "/analytics/dashboard",
        "/analytics/usage",
        "/real-time/connections",
        "/real-time/events?maxEvents=1",
        "/transactions",
        "/session-decisions",
        "/accounts",
    ],
)
def test_the_rest_is_for_those_who_run_it(path: str, system: System, place: dict[str, str]) -> None:
    assert ask(system, place, path, "driver").status == 403


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_who_runs_the_stations_sees_all_but_passwords(role: str, system: System, place: dict[str, str]) -> None:
    [station] = stations_of(ask(system, place, "/stations/{station}", role))
    assert station["configuration"] == {"HeartbeatInterval": "61"}
    [point] = station["chargePoints"]
    reported = (
        "serialNumber",
        "firmwareVersion",
        "securityProfile",
        "hasPassword",
        "state",
        "heartbeatIntervalSeconds",
        "etag",
    )
    assert [point[name] for name in reported] == ["S-1", "", 0, True, "ACCEPTED", 0, "1"]
    assert "password" not in point
    assert ask(system, place, "/charge-points/{point}", role).data == point
    [plug] = point["connectors"]
    assert plug.keys() >= CONNECTOR | {"errorCode", "reportedStatus"}
