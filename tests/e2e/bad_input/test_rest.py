"""What REST callers get wrong, and the answer each gets. No 5xx, and everything serves afterwards."""

from typing import Any

import pytest

from tests.fixtures.system import System

_UNKNOWN = "01900000-0000-7000-8000-000000000000"


@pytest.mark.field_case("C1", "C3", "C4", "C6", "C13")
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/stations", b"{not json", 400, None),
        ("POST", "/stations", b'{"name": "x"', 400, None),
        ("POST", "/stations", {"name": 7}, 400, "station.name"),
        ("POST", "/stations", {"name": "x", "latitude": "north"}, 400, "station.latitude"),
        ("POST", "/stations", {"name": "x", "status": "SLEEPING"}, 400, "station.status"),
        ("POST", "/stations", {"name": "x", "colour": "red"}, 400, "station.colour"),
        ("POST", "/stations", {"name": "D1", "configuration": {"a": {}}}, 400, "station.configuration[a]"),
        ("POST", "/stations", {"name": "x", "connectors": [None]}, 400, "station.connectors[0]"),
        ("POST", "/stations", b'{"name": "x", "name": "y"}', 400, "station.name"),
        ("POST", "/pricing/tariffs", {"name": "T", "taxBasisPoint": 1900}, 400, "tariff.taxBasisPoint"),
        ("POST", "/pricing/tariffs", {"components": [{"graceMinute": 5}]}, 400, "tariff.components[0].graceMinute"),
        ("PATCH", f"/rfid-cards/{_UNKNOWN}", {"state": "BLOCKED"}, 400, "rfidCard.state"),
        ("PUT", f"/charging-sessions/{_UNKNOWN}/complete", {"energyKwh": 1}, 400, "energyKwh"),
        ("POST", "/stations", [], 400, None),
        ("POST", "/stations", {}, 400, "station.name"),
        ("POST", "/stations", {"name": "x" * 10_001}, 400, "station.name"),
        ("POST", "/stations", {"name": "x\u0007"}, 400, "station.name"),
        ("POST", "/stations", b"x" * 300_000, 413, None),
        ("GET", "/stations?pageSize=many", None, 400, None),
        ("GET", "/stations?pageSize=-1", None, 400, "pageSize"),
        ("GET", "/stations?pageToken=%00%01", None, 400, None),
        ("GET", "/stations?colour=blue", None, 400, None),
        ("GET", "/stations?status=SLEEPING", None, 400, "status"),
        ("GET", f"/stations/{_UNKNOWN}?stationId=x", None, 400, "stationId"),
        ("DELETE", f"/drivers/{_UNKNOWN}?driverId=x", None, 400, "driverId"),
        ("POST", "/charge-points/CP1/clear-cache?chargePointId=CP2", {}, 400, "chargePointId"),
        ("POST", "/charge-points/CP1/clear-cache", {"charge_point_id": "CP2"}, 400, "charge_point_id"),
        ("GET", "/nowhere", None, 404, None),
        ("DELETE", "/stations", None, 405, None),
        ("GET", f"/stations/{_UNKNOWN}", None, 404, None),
        ("GET", "/stations/%F0%9F%9A%97", None, 404, None),
        ("GET", "/stations/'; DROP TABLE stations; --", None, 404, None),
        ("GET", f"/transactions/{_UNKNOWN}", None, 404, None),
        ("GET", "/transactions/nonsense/meter-values", None, 404, None),
        ("GET", "/charging-sessions/nonsense", None, 404, None),
        ("POST", f"/alerts/{_UNKNOWN}/acknowledge", {}, 404, None),
        ("GET", "/analytics/usage?startTime=yesterday", None, 400, None),
        ("GET", "/analytics/usage?startTime=2026-02-01T00:00:00Z&endTime=2026-01-01T00:00:00Z", None, 400, None),
        ("GET", "/pricing/calculate?tariffId=nonsense&energyWh=1", None, 404, None),
        ("GET", "/pricing/calculate?energyWh=99999999999999999999", None, 400, None),
        ("GET", "/connections/NOBODY", None, 404, None),
        ("POST", "/connections/NOBODY/send", {"action": "Reset", "payload": {"type": "Soft"}}, 404, None),
        ("POST", "/connections/NOBODY/send", {"action": "Reset", "payload": []}, 400, "payload"),
        ("POST", "/charge-points/NOBODY/reset", {"type": "SOFT"}, 404, None),
        ("POST", "/charge-points/NOBODY/reset", {"type": "SLOW"}, 400, "type"),
        ("POST", "/auth/token", {"grantType": "magic"}, 400, "grantType"),
        ("POST", "/rfid-cards/validate", {}, 400, "idTag"),
    ],
)
def test_bad_input_gets_a_clear_error(
    system: System, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    answer = system.call(method, path.replace(" ", "%20"), body)
    assert answer.status == status, answer.text
    said = answer.json
    assert said["message"]
    assert isinstance(said["code"], int)
    if field is not None:
        violations = [item["field"] for detail in said["details"] for item in detail.get("fieldViolations", ())]
        assert field in violations


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer a.b.c", "Basic YTpi", "nonsense"])
def test_a_bad_token_is_refused_in_the_documented_shape(system: System, header: str) -> None:
    answer = system.call("GET", "/stations", role=None, headers={"Authorization": header})
    assert answer.status == 401
    assert answer.json["code"] == 16


def test_a_driver_sees_only_what_is_his(system: System) -> None:
    mine = system.call("POST", "/drivers", {"name": "Mine"}).data["id"]
    other = system.call("POST", "/drivers", {"name": "Other"}).data["id"]
    headers = {"Authorization": f"Bearer {system.token('driver', '--driver', mine)}"}
    assert system.call("GET", f"/drivers/{mine}", role=None, headers=headers).status == 200
    assert system.call("GET", f"/drivers/{other}", role=None, headers=headers).status == 404
    listed = system.call("GET", "/drivers", role=None, headers=headers).data
    assert [driver["id"] for driver in listed] == [mine]
    assert system.call("GET", f"/invoices?driverId={other}", role=None, headers=headers).status == 403
    assert system.call("POST", "/stations", {"name": "x"}, role=None, headers=headers).status == 403


def test_everything_serves_afterwards(system: System) -> None:
    assert {service["status"] for service in system.get("/services", role=None).data} == {"SERVING"}
